#include "guest/linux/syscall/files/locks.hpp"

#include <poll.h>
#include <sys/file.h>

#include "guest/linux/fs/lock_table.hpp"
#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

using Lock = LockTable::Lock;

struct LockState : FileState {
  std::unique_ptr<LockTable::Waiter> waiter;
  std::shared_ptr<LockTable> table; // outlives the waiter
  ~LockState() override { waiter.reset(); }
};

bool is_open_file_lock(int command) {
  return command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

std::expected<LockTable::Key, int> key_of(File &file, LockTable::World world) {
  struct stat st{};
  if (int error = file.status(st); error != 0) return std::unexpected(-error);
  return LockTable::Key{st.st_dev, st.st_ino, world};
}

// struct flock's place and length to [begin, end); EINVAL and EOVERFLOW as fcntl(2) says.
int resolve_range(File &file, const struct flock &given, Lock &lock) {
  std::int64_t base = 0;
  struct stat st{};
  if (given.l_whence == SEEK_CUR)
    base = std::max<std::int64_t>(0, file.seek(0, SEEK_CUR));
  else if (given.l_whence == SEEK_END && file.status(st) == 0)
    base = st.st_size;
  else if (given.l_whence != SEEK_SET)
    return EINVAL;
  std::int64_t begin = 0, end = 0;
  if (__builtin_add_overflow(base, given.l_start, &begin)) return EOVERFLOW;
  if (__builtin_add_overflow(begin, given.l_len, &end)) return EOVERFLOW;
  if (given.l_len < 0) std::swap(begin, end);
  if (begin < 0) return EINVAL;
  lock.begin = std::uint64_t(begin);
  lock.end = given.l_len == 0 ? ~0ull : std::uint64_t(end);
  return 0;
}

// Takes the lock, or waits for it.
SysResult acquire(Call &call, const std::shared_ptr<File> &file, const LockTable::Key &key, const Lock &lock,
                  bool wait) {
  auto &state = call.keep<LockState>();
  const auto &table = call.kernel.mounts().locks();
  if (state.waiter) state.waiter->rearm();
  int error = table->acquire(key, lock);
  if (error != EAGAIN || !wait) return error == 0 ? SysResult(0) : fail(error);
  if (call.woken == Wake::Signal) return fail(EINTR);
  if (key.world == LockTable::World::Record && lock.pid >= 0 && table->would_deadlock(key, lock)) return fail(EDEADLK);
  if (!state.waiter) {
    state.file = file;
    state.table = table;
    state.waiter = std::make_unique<LockTable::Waiter>(*table, key, lock);
    // It may have been given up before the waiter stood in line.
    error = table->acquire(key, lock);
    if (error != EAGAIN) return error == 0 ? SysResult(0) : fail(error);
  }
  return park_on(state.waiter->fd(), POLLIN);
}

SysResult query(Call &call, const LockTable::Key &key, const Lock &lock, struct flock &given) {
  auto held = call.kernel.mounts().locks()->conflict(key, lock);
  given.l_type = F_UNLCK;
  if (held) {
    given.l_type = held->exclusive ? F_WRLCK : F_RDLCK;
    given.l_whence = SEEK_SET;
    given.l_start = off_t(held->begin);
    given.l_len = held->end == ~0ull ? 0 : off_t(held->end - held->begin);
    given.l_pid = held->pid;
  }
  return put_user(call, call.arg_gva(2), given) ? SysResult(0) : fail(EFAULT);
}

} // namespace

SysResult record_lock(Call &call, const std::shared_ptr<File> &file, int command) {
  struct flock given{};
  if (!get_user(call, call.arg_gva(2), given)) return fail(EFAULT);
  bool ofd = is_open_file_lock(command);
  if (ofd && given.l_pid != 0) return fail(EINVAL);
  if (given.l_type != F_RDLCK && given.l_type != F_WRLCK && given.l_type != F_UNLCK) return fail(EINVAL);
  auto key = key_of(*file, LockTable::World::Record);
  if (!key) return fail(key.error());
  FdTable *table = call.process.fds.get();
  Lock lock;
  lock.owner = ofd ? static_cast<const void *>(file.get()) : table;
  lock.pid = ofd ? -1 : std::int32_t(call.process.pid());
  lock.exclusive = given.l_type == F_WRLCK;
  if (int error = resolve_range(*file, given, lock); error != 0) return fail(error);
  if (command == F_GETLK || command == F_OFD_GETLK) {
    return given.l_type == F_UNLCK ? fail(EINVAL) : query(call, *key, lock, given);
  }
  const auto &locks = call.kernel.mounts().locks();
  if (given.l_type == F_UNLCK) {
    locks->release(*key, lock);
    return 0;
  }
  if (lock.exclusive ? !file->writable() : !file->readable()) return fail(EBADF);
  if (ofd)
    file->note_locks(locks);
  else
    table->note_locks(locks);
  return acquire(call, file, *key, lock, command == F_SETLKW || command == F_OFD_SETLKW);
}

SysResult do_flock(Call &call) {
  int operation = call.arg_int(1);
  auto file = call.state ? call.keep<LockState>().file : nullptr;
  if (!file) file = file_of(call, call.arg_int(0));
  if (!file || (file->flags() & O_PATH) != 0) return fail(EBADF);
  auto key = key_of(*file, LockTable::World::Whole);
  if (!key) return fail(key.error());
  Lock lock;
  lock.owner = file.get();
  lock.exclusive = (operation & ~LOCK_NB) == LOCK_EX;
  switch (operation & ~LOCK_NB) {
  case LOCK_UN: call.kernel.mounts().locks()->release(*key, lock); return 0;
  case LOCK_SH:
  case LOCK_EX: break;
  default: return fail(EINVAL);
  }
  file->note_locks(call.kernel.mounts().locks());
  return acquire(call, file, *key, lock, (operation & LOCK_NB) == 0);
}

} // namespace pagoda::kernel::files
