// Files whose work a host descriptor does: regular files, pipes, sockets, eventfds, terminals.
#pragma once

#include "guest/linux/fs/file.hpp"
#include "guest/linux/fs/unique_fd.hpp"

namespace pagoda::kernel {

enum class Mutable : bool { No, Yes };

class HostFile : public File {
public:
  HostFile(UniqueFd fd, FileKind kind, std::string path, int flags, Mutable inode = Mutable::Yes)
      : File(std::move(path), flags), fd_(std::make_shared<UniqueFd>(std::move(fd))), kind_(kind), inode_(inode) {}

  std::int64_t read(std::span<const iovec> into, std::optional<std::uint64_t> offset) override;
  std::int64_t write(std::span<const iovec> from, std::optional<std::uint64_t> offset) override;
  std::int64_t seek(std::int64_t offset, int whence) override;
  int status(struct stat &out) override;
  int file_system(struct statfs &out) override;
  std::int64_t truncate(std::uint64_t length) override;
  [[nodiscard]] int host_fd() const override { return fd_->get(); }
  [[nodiscard]] int poll_fd() const override;
  std::shared_ptr<space::FileStore> store() override;
  [[nodiscard]] FileKind kind() const override { return kind_; }
  [[nodiscard]] bool inode_writable() const override { return inode_ == Mutable::Yes; }

private:
  std::shared_ptr<UniqueFd> fd_; // shared with the store of a mapping, which may outlive the file
  FileKind kind_;
  Mutable inode_;
};

// "pipe:[123]" and the like, as /proc/PID/fd shows what has no path.
[[nodiscard]] std::string anonymous_path(const char *what, int fd);

} // namespace pagoda::kernel
