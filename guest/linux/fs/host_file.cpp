#include "guest/linux/fs/host_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

namespace pagoda::kernel {
namespace {

constexpr std::uint64_t kLargestOffset = INT64_MAX;

std::int64_t result(ssize_t n) { return n < 0 ? -errno : n; }

// Pages of a host file for mmap. Keeps the descriptor open as long as a mapping needs it.
class HostStore final : public space::FileStore {
public:
  HostStore(std::shared_ptr<UniqueFd> fd, Identity identity) : fd_(std::move(fd)), identity_(std::move(identity)) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size() && offset + done <= kLargestOffset) {
      ssize_t n = ::pread(fd_->get(), out.data() + done, out.size() - done, off_t(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return unexpected(Error::Io);
      if (n == 0) break;
      done += std::size_t(n);
    }
    std::fill(out.begin() + std::ptrdiff_t(done), out.end(), std::byte{0});
    return done;
  }
  [[nodiscard]] std::uint64_t size() const override {
    struct stat st{};
    return ::fstat(fd_->get(), &st) == 0 && st.st_size > 0 ? std::uint64_t(st.st_size) : 0;
  }
  [[nodiscard]] const Identity &identity() const override { return identity_; }

private:
  std::shared_ptr<UniqueFd> fd_;
  Identity identity_;
};

} // namespace

std::int64_t HostFile::read(std::span<const iovec> into, std::optional<std::uint64_t> offset) {
  if (offset && *offset > kLargestOffset) return -EINVAL;
  return result(offset ? ::preadv(host_fd(), into.data(), int(into.size()), off_t(*offset))
                       : ::readv(host_fd(), into.data(), int(into.size())));
}

std::int64_t HostFile::write(std::span<const iovec> from, std::optional<std::uint64_t> offset) {
  if (offset && *offset > kLargestOffset) return -EINVAL;
  return result(offset ? ::pwritev(host_fd(), from.data(), int(from.size()), off_t(*offset))
                       : ::writev(host_fd(), from.data(), int(from.size())));
}

std::int64_t HostFile::seek(std::int64_t offset, int whence) { return result(::lseek(host_fd(), offset, whence)); }

int HostFile::status(struct stat &out) { return ::fstat(host_fd(), &out) == 0 ? 0 : -errno; }

int HostFile::file_system(struct statfs &out) { return ::fstatfs(host_fd(), &out) == 0 ? 0 : -errno; }

std::int64_t HostFile::truncate(std::uint64_t length) {
  if (length > kLargestOffset || !writable()) return -EINVAL;
  return result(::ftruncate(host_fd(), off_t(length)));
}

int HostFile::poll_fd() const {
  // The host's answer for these is "always ready"; asking it would only cost a call.
  bool always = kind_ == FileKind::Regular || kind_ == FileKind::Directory || kind_ == FileKind::Path;
  return always ? -1 : host_fd();
}

std::shared_ptr<space::FileStore> HostFile::store() {
  struct stat st{};
  if (kind_ != FileKind::Regular || ::fstat(host_fd(), &st) != 0 || !S_ISREG(st.st_mode)) return nullptr;
  return std::make_shared<HostStore>(fd_, space::FileStore::Identity{st.st_dev, st.st_ino, path_});
}

std::string anonymous_path(const char *what, int fd) {
  struct stat st{};
  ::fstat(fd, &st);
  return fmt::format("{}:[{}]", what, st.st_ino);
}

} // namespace pagoda::kernel
