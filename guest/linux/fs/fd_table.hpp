// The descriptors of a process. Host descriptors never appear in it by number: the guest's numbers
// are its own, so close_range(3, ~0) in a guest harms nobody.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "guest/linux/fs/file.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/slab/cache_allocator.hpp"

namespace pagoda::kernel {

class LockTable;

// Whatever RLIMIT_NOFILE says: a bound on the table of one process.
inline constexpr int kMostDescriptors = 1 << 20;

class FdTable {
public:
  FdTable() = default;
  ~FdTable(); // gives up the record locks of its owner
  FdTable(const FdTable &) = delete;
  FdTable &operator=(const FdTable &) = delete;
  struct Entry {
    std::shared_ptr<File> file;
    bool close_on_exec = false;
  };
  [[nodiscard]] std::shared_ptr<File> get(int fd) const; // null: EBADF
  // The lowest free descriptor >= `from`; -EMFILE at `limit`.
  int install(std::shared_ptr<File> file, bool close_on_exec, int from = 0);
  int install_at(int fd, std::shared_ptr<File> file, bool close_on_exec); // dup2; -EBADF out of range
  int close(int fd);                                                      // 0 or -EBADF
  void close_range(unsigned first, unsigned last, bool only_mark_cloexec);
  void close_for_exec();
  int set_close_on_exec(int fd, bool on); // 0 or -EBADF
  int close_on_exec(int fd) const;        // 0, 1 or -EBADF
  // fork; the copy lives in `cache`, or without one in the heap
  [[nodiscard]] std::shared_ptr<FdTable> copy(phys::NamedCache *cache = nullptr) const;
  [[nodiscard]] std::vector<int> open_descriptors() const; // ascending
  void set_limit(int limit);                               // RLIMIT_NOFILE
  void note_locks(std::shared_ptr<LockTable> locks);       // the owner has set a record lock

private:
  using Files = std::vector<std::shared_ptr<File>>;
  int install_locked(int fd, std::shared_ptr<File> file, bool close_on_exec) PAGODA_REQUIRES(mutex_);
  // Record locks end when any descriptor of their file closes; run after the mutex was dropped.
  void release_locks(const Files &closed);

  mutable Mutex mutex_;
  std::vector<Entry> entries_ PAGODA_GUARDED_BY(mutex_);
  int limit_ PAGODA_GUARDED_BY(mutex_) = 1024;
  std::shared_ptr<LockTable> locks_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::kernel
