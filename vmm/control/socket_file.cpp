#include "vmm/control/socket_file.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fmt/format.h>

namespace pagoda::vmm::control {
namespace {

constexpr std::string_view kSuffix = ".sock";
constexpr std::string_view kTemporary = ".new-";
constexpr int kBacklog = 16;
constexpr unsigned kMostOfOneProcess = 1024;
constexpr std::time_t kLeftBehind = 60; // seconds after which a temporary socket is nobody's

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool plain(char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'; }

std::string file_of(const std::string &id) { return id + std::string(kSuffix); }

// The way there by the directory's descriptor: short enough whatever the directory is called.
bool set_address(sockaddr_un &address, const RuntimeDirectory &directory, const std::string &file) {
  const std::string path = fmt::format("/proc/self/fd/{}/{}", directory.fd.get(), file);
  if (path.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return true;
}

Fd connect_file(const RuntimeDirectory &directory, const std::string &file) {
  sockaddr_un address{};
  errno = ENAMETOOLONG;
  if (!set_address(address, directory, file)) return {};
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return {};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) socket.reset();
  return socket;
}

// A socket that listens as `file`; its mode is set before anybody could see it.
Fd listen_as(const RuntimeDirectory &directory, const std::string &file) {
  sockaddr_un address{};
  errno = ENAMETOOLONG;
  if (!set_address(address, directory, file)) return {};
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::fchmod(socket.get(), 0600) != 0) return {};
  const auto bind = [&] {
    return ::bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0;
  };
  bool bound = bind();
  if (!bound && errno == EADDRINUSE) { // left behind by a process that had our number
    ::unlinkat(directory.fd.get(), file.c_str(), 0);
    bound = bind();
  }
  if (!bound || ::listen(socket.get(), kBacklog) != 0) return {};
  return socket;
}

enum class Claim : std::uint8_t { Ours, Taken, Failed };

// Gives the temporary file its name, in place of a stale one.
Claim claim(const RuntimeDirectory &directory, const std::string &temporary, const std::string &id) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const int fd = directory.fd.get();
    if (::linkat(fd, temporary.c_str(), fd, file_of(id).c_str(), 0) == 0) return Claim::Ours;
    if (errno != EEXIST) return Claim::Failed;
    if (liveness(directory, id) == Liveness::Live) return Claim::Taken;
    remove_stale(directory, id);
  }
  return Claim::Taken;
}

std::string id_of_process(unsigned attempt) {
  return attempt == 0 ? fmt::format("{}", ::getpid()) : fmt::format("{}-{}", ::getpid(), attempt + 1);
}

void remove_left_behind(const RuntimeDirectory &directory, const std::string &file) {
  struct stat st{};
  if (::fstatat(directory.fd.get(), file.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (std::time(nullptr) - st.st_mtime < kLeftBehind || connect_file(directory, file) || errno != ECONNREFUSED) return;
  ::unlinkat(directory.fd.get(), file.c_str(), 0);
}

} // namespace

std::string name_fault(std::string_view name) {
  if (name.empty() || !letter(name.front())) return "does not begin with a letter";
  if (name.size() > kLongestName) return fmt::format("is longer than {} characters", kLongestName);
  if (!std::ranges::all_of(name, plain)) return "has characters other than letters, digits, '-', '_' and '.'";
  return {};
}

std::expected<SocketFile, std::string> SocketFile::publish(RuntimeDirectory directory, const std::string &name) {
  static std::atomic<unsigned> count{0};
  const std::string temporary = fmt::format("{}{}-{}", kTemporary, ::getpid(), count++);
  Fd socket = listen_as(directory, temporary);
  const auto failed = [&](std::string_view why) {
    return std::unexpected(fmt::format("{}: no control socket can be made: {}", directory.path, why));
  };
  if (!socket) return failed(std::strerror(errno));
  struct stat st{};
  const bool known = ::fstatat(directory.fd.get(), temporary.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  Claim result = known ? Claim::Taken : Claim::Failed;
  std::string id = name;
  for (unsigned attempt = 0; result == Claim::Taken && attempt < (name.empty() ? kMostOfOneProcess : 1); ++attempt) {
    if (name.empty()) id = id_of_process(attempt);
    result = claim(directory, temporary, id);
  }
  const int error = errno;
  ::unlinkat(directory.fd.get(), temporary.c_str(), 0);
  if (result == Claim::Failed) return failed(std::strerror(error));
  if (result == Claim::Taken) return std::unexpected(fmt::format("a VM named \"{}\" is running", id));
  return SocketFile(std::move(directory), std::move(id), std::move(socket), st.st_ino);
}

SocketFile::SocketFile(RuntimeDirectory directory, std::string id, Fd socket, ino_t inode)
    : directory_(std::move(directory)), id_(std::move(id)), socket_(std::move(socket)), inode_(inode) {}

SocketFile::SocketFile(SocketFile &&) noexcept = default;

SocketFile::~SocketFile() {
  struct stat st{};
  if (!directory_.fd) return; // moved from
  const std::string file = file_of(id_);
  // Somebody who took us for dead may have the name now.
  if (::fstatat(directory_.fd.get(), file.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == inode_)
    ::unlinkat(directory_.fd.get(), file.c_str(), 0);
}

std::string SocketFile::path() const { return directory_.path + "/" + file_of(id_); }

Fd connect_to(const RuntimeDirectory &directory, const std::string &id) { return connect_file(directory, file_of(id)); }

Liveness liveness(const RuntimeDirectory &directory, const std::string &id) {
  if (connect_to(directory, id)) return Liveness::Live;
  switch (errno) {
  case ECONNREFUSED: return Liveness::Stale;
  case ENOENT: return Liveness::Gone;
  case EAGAIN: return Liveness::Live; // its backlog is full: it is stopped, or busy
  default: return Liveness::Unknown;
  }
}

void remove_stale(const RuntimeDirectory &directory, const std::string &id) {
  // Who would take the name links to it, and cannot while it exists; who would remove it waits here.
  // One that was stopped with the lock held must not stop everybody else.
  bool locked = false;
  for (int attempt = 0; attempt < 50 && !locked; ++attempt) {
    if (attempt != 0) ::usleep(2000);
    locked = ::flock(directory.fd.get(), LOCK_EX | LOCK_NB) == 0;
  }
  if (!locked) return;
  if (liveness(directory, id) == Liveness::Stale) ::unlinkat(directory.fd.get(), file_of(id).c_str(), 0);
  ::flock(directory.fd.get(), LOCK_UN);
}

std::vector<std::string> ids_in(const RuntimeDirectory &directory) {
  std::vector<std::string> ids;
  const int fd = ::openat(directory.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR *)> listing(fd < 0 ? nullptr : ::fdopendir(fd), &::closedir);
  if (!listing) return ids;
  while (const dirent *entry = ::readdir(listing.get())) {
    const std::string_view file = entry->d_name;
    if (file.starts_with(kTemporary))
      remove_left_behind(directory, std::string(file));
    else if (!file.starts_with('.') && file.ends_with(kSuffix))
      ids.emplace_back(file.substr(0, file.size() - kSuffix.size()));
  }
  std::ranges::sort(ids);
  return ids;
}

} // namespace pagoda::vmm::control
