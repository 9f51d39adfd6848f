#include "guest/linux/fs/standard_files.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/linux/fs/host_file.hpp"
#include "guest/linux/fs/mount_table.hpp"
#include "guest/linux/fs/path_walk.hpp"
#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {
namespace {

// A pipe or terminal that could not be opened anew: asks before it reads or writes.
class SharedHostFile final : public HostFile {
public:
  using HostFile::HostFile;

  std::int64_t read(std::span<const iovec> into, std::optional<std::uint64_t> offset) override {
    if (offset) return -ESPIPE;
    if (kind() == FileKind::Socket) return receive(into);
    if (!ready(POLLIN)) return -EAGAIN;
    return HostFile::read(into, std::nullopt);
  }
  std::int64_t write(std::span<const iovec> from, std::optional<std::uint64_t> offset) override {
    if (offset) return -ESPIPE;
    if (kind() == FileKind::Socket) return send(from);
    if (!ready(POLLOUT)) return -EAGAIN;
    return write_some(from);
  }

private:
  [[nodiscard]] bool ready(short events) const {
    pollfd poll{host_fd(), events, 0};
    return ::poll(&poll, 1, 0) > 0;
  }
  // A pipe that polls writable takes PIPE_BUF bytes without blocking, no more.
  std::int64_t write_some(std::span<const iovec> from) const {
    for (const iovec &piece : from) {
      if (piece.iov_len == 0) continue;
      ssize_t n = ::write(host_fd(), piece.iov_base, std::min<std::size_t>(piece.iov_len, PIPE_BUF));
      return n < 0 ? -errno : n;
    }
    return 0;
  }
  [[nodiscard]] std::int64_t receive(std::span<const iovec> into) const {
    msghdr message{};
    message.msg_iov = const_cast<iovec *>(into.data());
    message.msg_iovlen = into.size();
    ssize_t n = ::recvmsg(host_fd(), &message, MSG_DONTWAIT);
    return n < 0 ? -errno : n;
  }
  [[nodiscard]] std::int64_t send(std::span<const iovec> from) const {
    msghdr message{};
    message.msg_iov = const_cast<iovec *>(from.data());
    message.msg_iovlen = from.size();
    ssize_t n = ::sendmsg(host_fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
  }
};

FileKind kind_of(int fd, mode_t mode) {
  if (S_ISFIFO(mode)) return FileKind::Pipe;
  if (S_ISSOCK(mode)) return FileKind::Socket;
  if (S_ISCHR(mode)) return ::isatty(fd) != 0 ? FileKind::Terminal : FileKind::Device;
  return FileKind::Regular;
}

const char *name_of(FileKind kind) {
  switch (kind) {
  case FileKind::Pipe: return "pipe";
  case FileKind::Socket: return "socket";
  case FileKind::Device: return "device";
  default: return "file";
  }
}

} // namespace

TerminalKeeper::TerminalKeeper() {
  for (int fd = 0; fd < 3 && fd_ < 0; ++fd) {
    if (::tcgetattr(fd, &modes_) == 0) fd_ = fd;
  }
}

TerminalKeeper::~TerminalKeeper() {
  termios now{};
  if (fd_ < 0 || ::tcgetattr(fd_, &now) != 0) return;
  bool changed = now.c_iflag != modes_.c_iflag || now.c_oflag != modes_.c_oflag || now.c_cflag != modes_.c_cflag ||
                 now.c_lflag != modes_.c_lflag || !std::ranges::equal(now.c_cc, modes_.c_cc);
  if (changed) ::tcsetattr(fd_, TCSADRAIN, &modes_);
}

std::shared_ptr<File> wrap_standard_fd(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return nullptr;
  FileKind kind = kind_of(fd, st.st_mode);
  int flags = ::fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_LARGEFILE);
  std::string path = kind == FileKind::Terminal ? "/dev/tty" : anonymous_path(name_of(kind), fd);
  if (kind == FileKind::Pipe || kind == FileKind::Terminal) {
    UniqueFd own(::open(host_link(fd).c_str(), (flags & (O_ACCMODE | O_APPEND)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own.valid()) return std::make_shared<HostFile>(std::move(own), kind, path, flags, Mutable::No);
  }
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return nullptr;
  if (kind == FileKind::Regular || kind == FileKind::Device) {
    return std::make_shared<HostFile>(std::move(copy), kind, path, flags, Mutable::No);
  }
  return std::make_shared<SharedHostFile>(std::move(copy), kind, path, flags, Mutable::No);
}

void make_standard_fds(Kernel &kernel, FdTable &table) {
  kernel.mounts().attach(kernel);
  ::signal(SIGPIPE, SIG_IGN); // a broken pipe is the guest's to hear of, not ours
  ::signal(SIGXFSZ, SIG_IGN); // nor is a file size limit of the host
  for (int fd = 0; fd < 3; ++fd) {
    if (auto file = wrap_standard_fd(fd)) table.install_at(fd, std::move(file), false);
  }
  kernel.mounts().keep_terminal(std::make_unique<TerminalKeeper>());
}

} // namespace pagoda::kernel
