// A file mapped MAP_SHARED: every mapping of it in the guest shows the same pages, and what programs
// write there reaches the file.
//
// Pages are found by the file's identity, so two opens of one file share. A page that was changed
// since it was read is written back by msync, when a mapping is removed by munmap, and when the last
// mapping of the file goes. In between, read() and write() on the file and the mapped pages are not
// coherent: a page already mapped does not see a later write(), and read() does not see a store that
// was not yet written back. Changed pages are found by a hash of each page as it was last in the
// file, so pages that only the file changed are never overwritten.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "guest/linux/fs/file.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/space/shared_object.hpp"

namespace pagoda::kernel {

// The file's store, remembering what each page held when it was read.
class TrackedStore final : public space::FileStore {
public:
  explicit TrackedStore(std::shared_ptr<space::FileStore> inner) : inner_(std::move(inner)) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override;
  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  [[nodiscard]] const Identity &identity() const override { return inner_->identity(); }

  // A file that was opened for reading and writing, once one has been mapped writable.
  void set_writer(std::shared_ptr<File> writer);
  // Writes the pages of `object` that changed, within the file's present size. 0 or an errno.
  int write_back(space::SharedObject &object);

private:
  int write_page(File &file, phys::PhysicalMemory &memory, std::uint64_t offset, Gfn frame);

  std::shared_ptr<space::FileStore> inner_;
  Mutex mutex_;
  std::shared_ptr<File> writer_ PAGODA_GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::size_t> hashes_ PAGODA_GUARDED_BY(mutex_); // by page offset
};

} // namespace pagoda::kernel
