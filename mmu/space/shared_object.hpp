// Pages that several mappings, in one space or many, see as one: MAP_SHARED anonymous memory,
// memfd, and shared file mappings. A page is found by its offset; the object holds one reference on
// each frame, every mapping one more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/space/file_store.hpp"

namespace pagoda::space {

class SharedObject {
public:
  // `store` null: zero-filled memory. `memory` outlives the object.
  explicit SharedObject(phys::PhysicalMemory &memory, std::shared_ptr<FileStore> store = nullptr);
  ~SharedObject();
  SharedObject(const SharedObject &) = delete;
  SharedObject &operator=(const SharedObject &) = delete;

  // The frame at page-aligned `offset`, filled on first use; the caller gets one reference to put.
  // Error::PastEnd beyond a file's last page (SIGBUS).
  Result<Gfn> page(std::uint64_t offset);
  [[nodiscard]] std::uint64_t resident_pages() const;
  // Drops pages at and beyond `size` bytes (truncation); mappings keep theirs until unmapped.
  void truncate(std::uint64_t size);

private:
  phys::PhysicalMemory &memory_;
  std::shared_ptr<FileStore> store_;
  mutable Mutex mutex_;
  std::map<std::uint64_t, Gfn> pages_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::space
