// An open file description: what one or more descriptors of a guest point at.
//
// Most are backed by a host descriptor of the same kind (file, pipe, socket, eventfd, epoll…),
// opened non-blocking where the host allows, so that a vCPU never blocks: a call that would block
// gets EAGAIN and the handler parks the task until `poll_fd()` is ready. Results are counts, or
// negative errnos as the host gives them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include "mmu/space/file_store.hpp"

namespace pagoda::space {
class SharedObject; // mmu/space/shared_object.hpp
}

namespace pagoda::kernel {

struct Call;
struct View;
class LockTable;

enum class FileKind : std::uint8_t {
  Regular,
  Directory,
  Path, // O_PATH: a place, not content
  Pipe, // FIFOs too
  Socket,
  Terminal,
  Event, // eventfd, timerfd, signalfd, inotify, pidfd
  Epoll,
  Device,    // /dev/null and the like
  Synthetic, // a generated file
};

// Receives directory entries; false ends the listing (the buffer is full).
class DirectorySink {
public:
  virtual ~DirectorySink() = default;
  // `next`: what lseek takes to continue behind this entry.
  virtual bool entry(std::uint64_t inode, std::uint64_t next, unsigned char type, std::string_view name) = 0;
};

class File {
public:
  File(std::string path, int flags) : path_(std::move(path)), flags_(flags) {}
  virtual ~File();
  File(const File &) = delete;
  File &operator=(const File &) = delete;

  // Never blocks; -EAGAIN when it would. `offset`: as preadv; none: at the file position.
  virtual std::int64_t read(std::span<const iovec> into, std::optional<std::uint64_t> offset);  // -EBADF
  virtual std::int64_t write(std::span<const iovec> from, std::optional<std::uint64_t> offset); // -EBADF
  virtual std::int64_t seek(std::int64_t offset, int whence);                                   // -ESPIPE
  virtual int status(struct stat &out);                                                         // -EBADF
  virtual int file_system(struct statfs &out);                                                  // -ENOSYS
  virtual std::int64_t truncate(std::uint64_t length);                                          // -EINVAL
  // Entries from the directory position on, which moves along. 0 or -ENOTDIR and the like.
  virtual int list(const View &view, DirectorySink &sink);
  // The host descriptor that does the work, for calls that pass straight through; -1: there is none.
  [[nodiscard]] virtual int host_fd() const { return -1; }
  // What to poll for readiness; -1: always ready.
  [[nodiscard]] virtual int poll_fd() const { return host_fd(); }
  // What mmap reads from; null when the file cannot be mapped.
  virtual std::shared_ptr<space::FileStore> store() { return nullptr; }
  // What a shared mapping shows of a file that is memory itself; null: its pages are cached.
  virtual std::shared_ptr<space::SharedObject> frames() { return nullptr; }
  [[nodiscard]] virtual FileKind kind() const { return FileKind::Regular; }
  // Whether its inode may be changed through it (chmod, utimes): it lies on a writable mount.
  [[nodiscard]] virtual bool inode_writable() const { return false; }

  [[nodiscard]] const std::string &path() const { return path_; } // guest path, for /proc/PID/fd
  // O_ACCMODE and the status flags that fcntl shows; O_NONBLOCK here is the guest's wish.
  [[nodiscard]] int flags() const { return flags_.load(std::memory_order_relaxed); }
  void set_flags(int flags) { flags_.store(flags, std::memory_order_relaxed); }
  [[nodiscard]] bool nonblocking() const { return (flags() & 04000) != 0; }
  [[nodiscard]] bool readable() const { return (flags() & 03) != 01 && (flags() & 010000000) == 0; }
  [[nodiscard]] bool writable() const { return (flags() & 03) != 00 && (flags() & 010000000) == 0; }
  // Locks that this description owns (flock, F_OFD_SETLK) end with it.
  void note_locks(std::shared_ptr<LockTable> locks) { locks_ = std::move(locks); }

protected:
  std::string path_;
  std::atomic<int> flags_;

private:
  std::shared_ptr<LockTable> locks_;
};

} // namespace pagoda::kernel
