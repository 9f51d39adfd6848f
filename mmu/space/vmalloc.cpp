#include "mmu/space/vmalloc.hpp"

#include <algorithm>
#include <sys/mman.h>

#include "mmu/base/broken.hpp"
#include "mmu/base/checked.hpp"

namespace pagoda::space {

namespace {

// The end of the run of frames that lie side by side from `first` on.
std::size_t run_end(const std::vector<std::byte *> &frames, std::size_t first) {
  std::size_t last = first + 1;
  while (last < frames.size() && frames[last] == frames[last - 1] + kPageSize) ++last;
  return last;
}

} // namespace

Vmalloc::Vmalloc(phys::KernelArena &arena, phys::NamedCache *areas, std::uint64_t range, Gva begin)
    : arena_(arena), range_(page_floor(range)), begin_(begin), areas_(Areas::allocator_type(areas)) {}

Vmalloc::~Vmalloc() {
  for (const auto &[offset, area] : areas_) give_frames(area.frames);
  if (std::byte *base = base_.load()) ::munmap(base, range_);
}

Result<> Vmalloc::reserve_locked() {
  if (base_.load(std::memory_order_relaxed) != nullptr) return {};
  void *at = ::mmap(nullptr, range_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return unexpected(Error::NoSpace);
  base_.store(static_cast<std::byte *>(at), std::memory_order_release);
  return {};
}

std::optional<std::uint64_t> Vmalloc::gap_locked(std::uint64_t bytes) const {
  const std::uint64_t wanted = bytes + kPageSize;
  std::uint64_t begin = 0;
  for (const auto &[offset, area] : areas_) {
    if (offset - begin >= wanted) return begin;
    begin = offset + area.bytes() + kPageSize;
  }
  if (range_ < begin || range_ - begin < wanted) return std::nullopt;
  return begin;
}

// --- frames

std::vector<std::byte *> Vmalloc::take_frames(std::uint64_t count, phys::Gfp gfp) {
  std::vector<std::byte *> frames(count);
  frames.resize(arena_.allocate_bulk(frames, gfp & ~phys::Gfp::Zero));
  if (frames.size() < count) {
    give_frames(frames);
    return {};
  }
  if (!has(gfp, phys::Gfp::Zero)) return frames;
  for (std::size_t first = 0; first < frames.size();) {
    const std::size_t end = run_end(frames, first);
    arena_.discard(frames[first], (end - first) << kPageShift);
    first = end;
  }
  return frames;
}

void Vmalloc::give_frames(const std::vector<std::byte *> &frames) { arena_.free_bulk(frames); }

bool Vmalloc::map(std::uint64_t offset, const std::vector<std::byte *> &frames) {
  for (std::size_t first = 0; first < frames.size();) {
    const std::size_t end = run_end(frames, first);
    std::byte *at = address(offset) + (first << kPageShift);
    const void *mapped = ::mmap(at, (end - first) << kPageShift, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                                arena_.fd(), off_t(arena_.offset(frames[first])));
    if (mapped == MAP_FAILED) return false; // the host's number of mappings is bounded
    first = end;
  }
  return true;
}

void Vmalloc::unmap(std::uint64_t offset, std::uint64_t bytes) {
  // Reserved again in one step: no other mapping can come in between.
  constexpr int kReserved = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  const void *at = ::mmap(address(offset), bytes, PROT_NONE, kReserved, -1, 0);
  if (at == MAP_FAILED) broken("a vmalloc area cannot be unmapped");
}

// --- areas

Result<std::byte *> Vmalloc::allocate(std::uint64_t bytes, phys::Gfp gfp) {
  const auto rounded = checked_align_up<std::uint64_t>(bytes, kPageSize);
  if (bytes == 0 || !rounded) return unexpected(Error::Invalid);
  // More than the arena could ever have is refused before anything is taken.
  if (*rounded >= range_ || (*rounded >> kPageShift) > arena_.frames()) return unexpected(Error::OutOfMemory);
  std::vector<std::byte *> frames = take_frames(*rounded >> kPageShift, gfp);
  if (frames.empty()) return unexpected(Error::OutOfMemory);

  std::optional<std::uint64_t> gap;
  {
    const LockGuard guard(mutex_);
    if (reserve_locked()) gap = gap_locked(*rounded);
    if (gap) {
      areas_.emplace(*gap, Area{frames, __builtin_return_address(0)});
      pages_ += frames.size();
    }
  }
  if (!gap) {
    give_frames(frames);
    return unexpected(Error::NoSpace);
  }
  // The area is ours alone until it is returned; mapping needs no lock.
  if (!map(*gap, frames)) {
    if (!erase(*gap)) broken("an area that was just made is not there");
    return unexpected(Error::OutOfMemory);
  }
  return address(*gap);
}

Result<> Vmalloc::erase(std::uint64_t offset) {
  std::uint64_t bytes = 0;
  {
    const LockGuard guard(mutex_);
    const auto it = areas_.find(offset);
    if (it == areas_.end() || it->second.going) return unexpected(Error::NotMapped);
    it->second.going = true;
    bytes = it->second.bytes();
  }
  unmap(offset, bytes); // before the range, or a frame, can be somebody else's
  Areas::node_type gone;
  {
    const LockGuard guard(mutex_);
    gone = areas_.extract(offset);
    pages_ -= gone.mapped().frames.size();
  }
  give_frames(gone.mapped().frames);
  return {};
}

Result<> Vmalloc::free(void *begin) { return erase(offset_of(begin)); }

std::uint64_t Vmalloc::size_of(const void *begin) const {
  const LockGuard guard(mutex_);
  const auto it = areas_.find(offset_of(begin));
  return it == areas_.end() ? 0 : it->second.bytes();
}

bool Vmalloc::contains(const void *address) const {
  const LockGuard guard(mutex_);
  const std::uint64_t offset = offset_of(address);
  auto it = areas_.upper_bound(offset);
  if (it == areas_.begin()) return false;
  --it;
  return offset - it->first < it->second.bytes();
}

std::byte *Vmalloc::host(Gva gva) const {
  if (begin_ == Gva(0) || gva < begin_ || gva - begin_ >= range_) return nullptr;
  std::byte *at = address(gva - begin_);
  return contains(at) ? at : nullptr;
}

// --- what there is

std::vector<VmallocFigures> Vmalloc::figures() const {
  const LockGuard guard(mutex_);
  std::vector<VmallocFigures> all;
  all.reserve(areas_.size());
  for (const auto &[offset, area] : areas_)
    all.push_back({address(offset), begin_ == Gva(0) ? Gva(0) : begin_ + offset, area.bytes() + kPageSize,
                   area.frames.size(), area.caller});
  return all;
}

std::uint64_t Vmalloc::used_bytes() const {
  const LockGuard guard(mutex_);
  return pages_ << kPageShift;
}

std::string Vmalloc::invariant() const {
  const LockGuard guard(mutex_);
  std::uint64_t free_from = 0;
  std::uint64_t pages = 0;
  std::vector<std::byte *> frames;
  for (const auto &[offset, area] : areas_) {
    if (offset % kPageSize != 0 || area.frames.empty()) return "an area is empty or not page aligned";
    if (offset < free_from) return "two areas overlap, or have no guard page between them";
    free_from = offset + area.bytes() + kPageSize;
    pages += area.frames.size();
    frames.insert(frames.end(), area.frames.begin(), area.frames.end());
  }
  if (free_from > range_) return "an area lies outside the range";
  if (pages != pages_) return "pages are miscounted";
  std::ranges::sort(frames);
  return std::ranges::adjacent_find(frames) == frames.end() ? "" : "a frame has two pages";
}

} // namespace pagoda::space
