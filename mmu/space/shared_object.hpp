// Pages that several mappings, in one space or many, see as one: MAP_SHARED anonymous memory,
// memfd, and shared file mappings. A page is found by its offset; the object holds one reference on
// each frame, every mapping one more.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/phys/slab/in_cache.hpp"
#include "mmu/space/file_store.hpp"
#include "mmu/space/policy_ranges.hpp"

namespace pagoda::space {

class KernelMemory;

class SharedObject : public phys::InCache {
public:
  // `store` null: zero-filled memory. `memory` outlives the object.
  // `nodes`: the cache of what finds a page by its offset; null is the heap.
  explicit SharedObject(phys::PhysicalMemory &memory, std::shared_ptr<FileStore> store = nullptr,
                        phys::NamedCache *nodes = nullptr);
  // DEVICE memory: page n is the n-th of `frames`, which are there already and stay.
  SharedObject(phys::PhysicalMemory &memory, GfnRange frames);
  ~SharedObject();
  SharedObject(const SharedObject &) = delete;
  SharedObject &operator=(const SharedObject &) = delete;

  // The frame at page-aligned `offset`, filled on first use; the caller gets one reference to put.
  // Error::PastEnd beyond a file's last page (SIGBUS).
  Result<Gfn> page(std::uint64_t offset);
  // The same for consecutive pages: how many of `out` were had, at least one or an error. A file is
  // read with no lock held, adjacent pages at once.
  Result<std::size_t> pages(std::uint64_t offset, std::span<Gfn> out);
  [[nodiscard]] std::uint64_t resident_pages() const;
  [[nodiscard]] std::array<std::uint64_t, phys::kMaxNodes> resident_by_node() const;
  // The policy of the pages in [begin, end), in bytes; without one the task that fills a page decides.
  // A file's pages are everybody's: they have none. OutOfMemory: too many ranges.
  Result<> set_policy(std::uint64_t begin, std::uint64_t end, const Mempolicy &policy);
  [[nodiscard]] Mempolicy policy_at(std::uint64_t offset) const;
  // Drops pages at and beyond `size` bytes (truncation); mappings keep theirs until unmapped.
  void truncate(std::uint64_t size);
  // The pages filled so far by offset, each with a reference for the caller to put (write-back).
  [[nodiscard]] std::vector<std::pair<std::uint64_t, Gfn>> pin_pages() const;
  [[nodiscard]] phys::PhysicalMemory &memory() const { return memory_; }
  // What /proc/PID/maps shows of memory without a file, such as "/dev/zero (deleted)". Set before the
  // first mapping.
  void set_label(FileStore::Identity label) { label_ = std::move(label); }
  [[nodiscard]] const FileStore::Identity &label() const { return label_; }

private:
  static constexpr Gfn kAbsent{~0ull};

  // How many of `wanted` pages from `offset` on there can be.
  [[nodiscard]] std::size_t within(std::uint64_t offset, std::size_t wanted) const;
  // Takes a reference on every page that is there and leaves kAbsent elsewhere.
  void take_present(std::uint64_t offset, std::span<Gfn> out) PAGODA_EXCLUDES(mutex_);
  // Frames for the pages at `numbers`, ascending; how many leading ones were had.
  [[nodiscard]] std::size_t allocate(std::span<const std::uint64_t> numbers, std::span<Gfn> out)
      PAGODA_EXCLUDES(mutex_);
  // Fills what is absent; how many leading pages are there then.
  Result<std::size_t> fill_absent(std::uint64_t offset, std::span<Gfn> out) PAGODA_EXCLUDES(mutex_);

  phys::PhysicalMemory &memory_;
  std::shared_ptr<FileStore> store_;
  GfnRange frames_{}; // of DEVICE memory
  FileStore::Identity label_;
  mutable Mutex mutex_;
  using Pages = std::map<std::uint64_t, Gfn, std::less<>, phys::CacheAllocator<std::pair<const std::uint64_t, Gfn>>>;
  Pages pages_ PAGODA_GUARDED_BY(mutex_);
  PolicyRanges policies_ PAGODA_GUARDED_BY(mutex_);
};

// One in the caches of `kernel`; null: in the heap.
[[nodiscard]] std::shared_ptr<SharedObject> make_object(phys::PhysicalMemory &memory, KernelMemory *kernel,
                                                        std::shared_ptr<FileStore> store = nullptr);
[[nodiscard]] std::shared_ptr<SharedObject> make_object(phys::PhysicalMemory &memory, KernelMemory *kernel,
                                                        GfnRange device_frames);

} // namespace pagoda::space
