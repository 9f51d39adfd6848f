#include "mmu/space/shared_object.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "mmu/space/file_pages.hpp"
#include "mmu/space/kernel_memory.hpp"

namespace pagoda::space {

namespace {

// The end of the consecutive run of numbers that begins at `first`.
std::size_t run_end(const std::vector<std::size_t> &numbers, std::size_t first) {
  std::size_t last = first + 1;
  while (last < numbers.size() && numbers[last] == numbers[last - 1] + 1) ++last;
  return last;
}

} // namespace

SharedObject::SharedObject(phys::PhysicalMemory &memory, std::shared_ptr<FileStore> store, phys::NamedCache *nodes)
    : memory_(memory), store_(std::move(store)), pages_(Pages::allocator_type(nodes)) {}

SharedObject::SharedObject(phys::PhysicalMemory &memory, GfnRange frames) : memory_(memory), frames_(frames) {}

std::shared_ptr<SharedObject> make_object(phys::PhysicalMemory &memory, KernelMemory *kernel, GfnRange device_frames) {
  phys::NamedCache *objects = kernel == nullptr ? nullptr : &kernel->shmem_inode_cache;
  return std::shared_ptr<SharedObject>(new (objects) SharedObject(memory, device_frames));
}

std::shared_ptr<SharedObject> make_object(phys::PhysicalMemory &memory, KernelMemory *kernel,
                                          std::shared_ptr<FileStore> store) {
  phys::NamedCache *nodes = kernel == nullptr ? nullptr : &kernel->radix_tree_node;
  phys::NamedCache *objects = kernel == nullptr ? nullptr : &kernel->shmem_inode_cache;
  return std::shared_ptr<SharedObject>(new (objects) SharedObject(memory, std::move(store), nodes));
}

SharedObject::~SharedObject() {
  for (const auto &[offset, frame] : pages_) memory_.put(frame);
}

std::size_t SharedObject::within(std::uint64_t offset, std::size_t wanted) const {
  if (!frames_.empty()) return pages_within(frames_.length() << kPageShift, offset, wanted);
  return store_ ? pages_within(store_->size(), offset, wanted) : wanted;
}

void SharedObject::take_present(std::uint64_t offset, std::span<Gfn> out) {
  std::fill(out.begin(), out.end(), kAbsent);
  const LockGuard guard(mutex_);
  const std::uint64_t end = offset + (out.size() << kPageShift);
  for (auto it = pages_.lower_bound(offset); it != pages_.end() && it->first < end; ++it) {
    memory_.get(it->second);
    out[(it->first - offset) >> kPageShift] = it->second;
  }
}

Result<std::size_t> SharedObject::fill_absent(std::uint64_t offset, std::span<Gfn> out) {
  std::vector<std::size_t> absent;
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i] == kAbsent) absent.push_back(i);
  if (absent.empty()) return out.size();

  std::vector<std::uint64_t> numbers;
  for (const std::size_t i : absent) numbers.push_back((offset >> kPageShift) + i);
  std::vector<Gfn> fresh(absent.size());
  fresh.resize(allocate(numbers, fresh));

  Error why = Error::OutOfMemory;
  std::size_t filled = store_ ? 0 : fresh.size();
  while (store_ && filled < fresh.size()) {
    const std::size_t end = std::min(run_end(absent, filled), fresh.size());
    const std::span<const Gfn> frames(fresh.data() + filled, end - filled);
    const auto read = read_pages(*store_, memory_, offset + (absent[filled] << kPageShift), frames);
    if (!read || *read < frames.size()) {
      why = read ? Error::PastEnd : read.error();
      filled += read.value_or(0);
      break;
    }
    filled = end;
  }

  {
    const LockGuard guard(mutex_);
    for (std::size_t i = 0; i < filled; ++i) {
      // Another thread may have been faster: its page counts, ours goes back.
      const auto [it, ours] = pages_.try_emplace(offset + (absent[i] << kPageShift), fresh[i]);
      if (!ours) memory_.put(fresh[i]);
      memory_.get(it->second);
      out[absent[i]] = it->second;
    }
  }
  for (std::size_t i = filled; i < fresh.size(); ++i) memory_.put(fresh[i]);

  const std::size_t there = filled < absent.size() ? absent[filled] : out.size();
  for (std::size_t i = there; i < out.size(); ++i)
    if (out[i] != kAbsent) memory_.put(out[i]);
  if (there == 0) return unexpected(why);
  return there;
}

Result<std::size_t> SharedObject::pages(std::uint64_t offset, std::span<Gfn> out) {
  const std::size_t count = within(offset, out.size());
  if (count == 0) return unexpected(Error::PastEnd);
  if (!frames_.empty()) {
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = frames_.begin + (offset >> kPageShift) + i;
      memory_.get(out[i]);
    }
    return count;
  }
  take_present(offset, out.first(count));
  return fill_absent(offset, out.first(count));
}

Result<Gfn> SharedObject::page(std::uint64_t offset) {
  Gfn frame;
  const auto had = pages(offset, std::span(&frame, 1));
  if (!had) return unexpected(had.error());
  return frame;
}

std::uint64_t SharedObject::resident_pages() const {
  const LockGuard guard(mutex_);
  return pages_.size();
}

void SharedObject::truncate(std::uint64_t size) {
  const LockGuard guard(mutex_);
  const std::uint64_t last = page_floor(size);
  if (const auto it = pages_.find(last); it != pages_.end() && size != last)
    std::memset(memory_.host(it->second) + (size - last), 0, kPageSize - (size - last));
  // Not page_ceil(size): it would wrap for the last page of the number space.
  auto it = size == last ? pages_.lower_bound(last) : pages_.upper_bound(last);
  while (it != pages_.end()) {
    memory_.put(it->second);
    it = pages_.erase(it);
  }
}

} // namespace pagoda::space
