#include "mmu/phys/physical_memory.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <sys/mman.h>

#include "mmu/base/broken.hpp"
#include "mmu/base/failpoint.hpp"

namespace pagoda::phys {

namespace {

const Frame kForeign{.kind = FrameKind::Reserved};

Frame *map_descriptors(std::uint64_t count) {
  if (count == 0) return nullptr;
  void *at = ::mmap(nullptr, count * sizeof(Frame), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  // All zeroes is a valid Frame (see BlockState); constructing each would touch them all.
  return static_cast<Frame *>(at);
}

} // namespace

Layout::Layout(std::uint64_t bytes) {
  bytes = page_floor(std::min(bytes, kMaxMemory));
  const std::uint64_t low = std::min(bytes, kHoleBegin.value());
  ranges[0] = {Gpa(0), Gpa(low)};
  ranges[1] = {kHoleEnd, kHoleEnd + (bytes - low)};
}

Gpa Layout::end() const { return ranges[1].empty() ? ranges[0].end : ranges[1].end; }

PhysicalMemory::PhysicalMemory(const Layout &layout, std::byte *base)
    : layout_(layout), base_(base), frame_count_(Gfn::of(layout.end()).number()) {
  frames_ = map_descriptors(frame_count_);
  buddy_ = Buddy(std::span(frames_, frame_count_));
  for (const GpaRange &range : layout_.ranges) {
    GfnRange frames{Gfn::of(range.begin), Gfn::of(range.end)};
    if (frames.empty()) continue;
    if (frames.begin == Gfn(0)) {
      frames.begin = Gfn(1);
      frames_[0].kind = FrameKind::Reserved;
      counters_.by_kind[unsigned(FrameKind::Reserved)] = 1;
    }
    buddy_.add(frames);
  }
}

PhysicalMemory::~PhysicalMemory() {
  if (frames_ != nullptr) ::munmap(frames_, frame_count_ * sizeof(Frame));
}

bool PhysicalMemory::is_ram(Gfn gfn) const {
  const std::uint64_t number = gfn.number();
  return number < frame_count_ && (number < Gfn::of(kHoleBegin).number() || number >= Gfn::of(kHoleEnd).number());
}

const Frame &PhysicalMemory::frame(Gfn gfn) const { return is_ram(gfn) ? frames_[gfn.number()] : kForeign; }

// --- allocation

void PhysicalMemory::adopt_locked(Gfn first, std::uint64_t count, FrameKind kind, Owner owner) {
  for (std::uint64_t i = 0; i < count; ++i) {
    frames_[first.number() + i].kind = kind;
    frames_[first.number() + i].owner = owner;
  }
  counters_.by_kind[unsigned(kind)] += count;
  counters_.allocations += count;
}

Result<Gfn> PhysicalMemory::allocate(Order order, FrameKind kind, Owner owner, Zeroed zeroed) {
  if (order > kMaxOrder || kind == FrameKind::Free || kind == FrameKind::Reserved) return unexpected(Error::Invalid);
  const bool fails = kind != FrameKind::Table && failpoint::frame_allocation.fails();
  std::optional<Gfn> head;
  {
    LockGuard guard(mutex_);
    if (!fails) head = buddy_.allocate(order);
    if (!head) {
      ++counters_.failures;
      return unexpected(Error::OutOfMemory);
    }
    adopt_locked(*head, 1ull << order, kind, owner);
  }
  if (zeroed == Zeroed::Yes) std::memset(host(*head), 0, kPageSize << order);
  frames_[head->number()].refs.store(1, std::memory_order_release);
  return *head;
}

std::size_t PhysicalMemory::take_run_locked(std::span<Gfn> out) {
  // The smallest block that holds all of it, or else the largest there is.
  int order = std::min(int(std::bit_width(out.size() - 1)), int(kMaxOrder));
  std::optional<Gfn> head;
  for (; order >= 0 && !head; --order) head = buddy_.allocate(Order(order));
  if (!head) return 0;
  const std::size_t block = std::size_t{1} << (order + 1);
  const std::size_t taken = std::min(out.size(), block);
  buddy_.split_used(*head);
  for (std::size_t i = 0; i < taken; ++i) out[i] = *head + i;
  for (std::size_t i = taken; i < block; ++i)
    if (!buddy_.free(*head + i)) broken("a frame of a fresh block cannot go back");
  return taken;
}

std::size_t PhysicalMemory::allocate_bulk(std::span<Gfn> out, FrameKind kind, Owner owner, Zeroed zeroed) {
  if (kind == FrameKind::Free || kind == FrameKind::Reserved) return 0;
  std::size_t wanted = 0;
  while (wanted < out.size() && !failpoint::frame_allocation.fails()) ++wanted;

  std::size_t had = 0;
  {
    LockGuard guard(mutex_);
    while (had < wanted) {
      const std::size_t run = take_run_locked(out.subspan(had, wanted - had));
      if (run == 0) break;
      adopt_locked(out[had], run, kind, owner);
      had += run;
    }
    if (had < out.size()) ++counters_.failures;
  }
  for (Gfn frame : out.first(had)) {
    if (zeroed == Zeroed::Yes) std::memset(host(frame), 0, kPageSize);
    frames_[frame.number()].refs.store(1, std::memory_order_release);
  }
  return had;
}

// --- references

void PhysicalMemory::get(Gfn frame) {
  if (!try_get(frame)) broken("a reference was taken on a frame that nobody holds");
}

bool PhysicalMemory::try_get(Gfn frame) {
  if (!is_ram(frame)) return false;
  std::atomic<std::uint32_t> &refs = frames_[frame.number()].refs;
  std::uint32_t now = refs.load(std::memory_order_relaxed);
  while (now != 0 && now != std::numeric_limits<std::uint32_t>::max())
    if (refs.compare_exchange_weak(now, now + 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  return false;
}

bool PhysicalMemory::drop(Gfn frame) {
  if (is_ram(frame)) {
    std::atomic<std::uint32_t> &refs = frames_[frame.number()].refs;
    std::uint32_t now = refs.load(std::memory_order_relaxed);
    while (now != 0)
      if (refs.compare_exchange_weak(now, now - 1, std::memory_order_acq_rel, std::memory_order_relaxed))
        return now == 1;
  }
  LockGuard guard(mutex_);
  ++counters_.refused_frees;
  return false;
}

void PhysicalMemory::free_locked(Gfn head) {
  Frame &first = frames_[head.number()];
  const std::uint64_t count = 1ull << first.order;
  const FrameKind kind = first.kind;
  if (!buddy_.free(head)) broken("a frame with references was in no allocated block");
  for (std::uint64_t i = 0; i < count; ++i) {
    frames_[head.number() + i].kind = FrameKind::Free;
    frames_[head.number() + i].owner = 0;
  }
  counters_.by_kind[unsigned(kind)] -= count;
  counters_.frees += count;
}

void PhysicalMemory::put(Gfn frame) {
  if (!drop(frame)) return;
  LockGuard guard(mutex_);
  free_locked(frame);
}

void PhysicalMemory::put_all(std::span<const Gfn> frames) {
  // In slices, so that the lock is never held for long.
  std::array<Gfn, 64> last;
  while (!frames.empty()) {
    const std::size_t slice = std::min(frames.size(), last.size());
    std::size_t count = 0;
    for (Gfn frame : frames.first(slice))
      if (drop(frame)) last[count++] = frame;
    frames = frames.subspan(slice);
    if (count == 0) continue;
    LockGuard guard(mutex_);
    for (Gfn frame : std::span(last).first(count)) free_locked(frame);
  }
}

// --- what it holds

Counters PhysicalMemory::counters() const {
  LockGuard guard(mutex_);
  Counters snapshot = counters_;
  snapshot.managed = buddy_.managed();
  snapshot.free = buddy_.free_frames();
  snapshot.by_kind[unsigned(FrameKind::Free)] = snapshot.free;
  for (unsigned order = 0; order <= kMaxOrder; ++order) snapshot.free_blocks[order] = buddy_.free_blocks(Order(order));
  return snapshot;
}

std::string PhysicalMemory::invariant() const {
  LockGuard guard(mutex_);
  if (std::string wrong = buddy_.invariant(); !wrong.empty()) return wrong;
  return check_kinds_locked();
}

std::string PhysicalMemory::check_kinds_locked() const {
  std::array<std::uint64_t, kFrameKinds> seen{};
  for (const GfnRange &range : buddy_.touched()) {
    BlockState block = BlockState::Body; // of the block that the frame lies in
    for (std::uint64_t number = range.begin.number(); number < range.end.number(); ++number) {
      const Frame &each = frames_[number];
      if (each.block != BlockState::Body) block = each.block;
      if ((each.kind == FrameKind::Free) != (block == BlockState::Free))
        return "the kind contradicts the block: frame " + std::to_string(number);
      if (block == BlockState::Free && each.refs.load() != 0) return "free but held: frame " + std::to_string(number);
      ++seen[unsigned(each.kind)];
    }
  }
  std::uint64_t allocated = 0;
  for (unsigned kind = unsigned(FrameKind::Anonymous); kind < kFrameKinds; ++kind) {
    if (seen[kind] != counters_.by_kind[kind]) return "frames of kind " + std::to_string(kind) + " are miscounted";
    allocated += seen[kind];
  }
  if (allocated + buddy_.free_frames() != buddy_.managed()) return "free and allocated frames are not all frames";
  return {};
}

} // namespace pagoda::phys
