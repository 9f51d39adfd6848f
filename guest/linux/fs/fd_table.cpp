#include "guest/linux/fs/fd_table.hpp"

#include <algorithm>
#include <cerrno>

#include "guest/linux/fs/lock_table.hpp"

namespace pagoda::kernel {

FdTable::~FdTable() {
  if (locks_) locks_->release_owner(this);
}

std::shared_ptr<File> FdTable::get(int fd) const {
  LockGuard lock(mutex_);
  if (fd < 0 || std::size_t(fd) >= entries_.size()) return nullptr;
  return entries_[std::size_t(fd)].file;
}

int FdTable::install_locked(int fd, std::shared_ptr<File> file, bool close_on_exec) {
  if (std::size_t(fd) >= entries_.size()) entries_.resize(std::size_t(fd) + 1);
  entries_[std::size_t(fd)] = {std::move(file), close_on_exec};
  return fd;
}

int FdTable::install(std::shared_ptr<File> file, bool close_on_exec, int from) {
  LockGuard lock(mutex_);
  if (from < 0 || from >= limit_) return from < 0 ? -EINVAL : -EMFILE;
  std::size_t fd = std::size_t(from);
  while (fd < entries_.size() && entries_[fd].file) ++fd;
  if (fd >= std::size_t(limit_)) return -EMFILE;
  return install_locked(int(fd), std::move(file), close_on_exec);
}

int FdTable::install_at(int fd, std::shared_ptr<File> file, bool close_on_exec) {
  Files closed;
  {
    LockGuard lock(mutex_);
    if (fd < 0 || fd >= limit_) return -EBADF;
    if (std::size_t(fd) < entries_.size()) closed.push_back(entries_[std::size_t(fd)].file);
    install_locked(fd, std::move(file), close_on_exec);
  }
  release_locks(closed);
  return fd;
}

int FdTable::close(int fd) {
  Files closed;
  {
    LockGuard lock(mutex_);
    if (fd < 0 || std::size_t(fd) >= entries_.size() || !entries_[std::size_t(fd)].file) return -EBADF;
    closed.push_back(std::move(entries_[std::size_t(fd)].file));
    entries_[std::size_t(fd)] = {};
  }
  release_locks(closed);
  return 0;
}

void FdTable::close_range(unsigned first, unsigned last, bool only_mark_cloexec) {
  Files closed;
  {
    LockGuard lock(mutex_);
    for (std::size_t fd = first; fd <= last && fd < entries_.size(); ++fd) {
      if (!entries_[fd].file) continue;
      if (only_mark_cloexec) {
        entries_[fd].close_on_exec = true;
      } else {
        closed.push_back(std::move(entries_[fd].file));
        entries_[fd] = {};
      }
    }
  }
  release_locks(closed);
}

void FdTable::close_for_exec() {
  Files closed;
  {
    LockGuard lock(mutex_);
    for (Entry &entry : entries_) {
      if (!entry.file || !entry.close_on_exec) continue;
      closed.push_back(std::move(entry.file));
      entry = {};
    }
  }
  release_locks(closed);
}

int FdTable::set_close_on_exec(int fd, bool on) {
  LockGuard lock(mutex_);
  if (fd < 0 || std::size_t(fd) >= entries_.size() || !entries_[std::size_t(fd)].file) return -EBADF;
  entries_[std::size_t(fd)].close_on_exec = on;
  return 0;
}

int FdTable::close_on_exec(int fd) const {
  LockGuard lock(mutex_);
  if (fd < 0 || std::size_t(fd) >= entries_.size() || !entries_[std::size_t(fd)].file) return -EBADF;
  return entries_[std::size_t(fd)].close_on_exec ? 1 : 0;
}

std::shared_ptr<FdTable> FdTable::copy(phys::NamedCache *cache) const {
  auto other = std::allocate_shared<FdTable>(phys::CacheAllocator<FdTable>(cache));
  LockGuard lock(mutex_);
  LockGuard other_lock(other->mutex_);
  other->entries_ = entries_;
  other->limit_ = limit_;
  return other;
}

std::vector<int> FdTable::open_descriptors() const {
  LockGuard lock(mutex_);
  std::vector<int> open;
  for (std::size_t fd = 0; fd < entries_.size(); ++fd) {
    if (entries_[fd].file) open.push_back(int(fd));
  }
  return open;
}

void FdTable::set_limit(int limit) {
  LockGuard lock(mutex_);
  limit_ = std::clamp(limit, 0, kMostDescriptors);
}

void FdTable::note_locks(std::shared_ptr<LockTable> locks) {
  LockGuard lock(mutex_);
  locks_ = std::move(locks);
}

void FdTable::release_locks(const Files &closed) {
  std::shared_ptr<LockTable> locks;
  {
    LockGuard lock(mutex_);
    locks = locks_;
  }
  if (!locks) return;
  for (const auto &file : closed) {
    struct stat st{};
    if (file && file->status(st) == 0) locks->release_file(st.st_dev, st.st_ino, this);
  }
}

} // namespace pagoda::kernel
