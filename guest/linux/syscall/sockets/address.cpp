#include "guest/linux/syscall/sockets/address.hpp"

#include <cstddef>
#include <cstring>
#include <sys/un.h>

namespace pagoda::kernel::sockets {
namespace {

using files::locate_parent;
using files::view_of;

constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);

std::expected<std::string, int> absolute(Call &call, const std::string &path) {
  return files::absolute_path(call, AT_FDCWD, path);
}

bool set_path(Address &address, const std::string &host) {
  auto *un = reinterpret_cast<sockaddr_un *>(&address.storage);
  if (host.size() >= sizeof un->sun_path) return false;
  address.storage = {};
  un->sun_family = AF_UNIX;
  std::memcpy(un->sun_path, host.data(), host.size());
  address.length = socklen_t(kPathOffset + host.size() + 1);
  return true;
}

// An existing socket to send to or connect to.
std::expected<void, int> reach(Call &call, Address &address, const std::string &path) {
  auto full = absolute(call, path);
  if (!full) return std::unexpected(full.error());
  auto at = walk(call.kernel.mounts(), view_of(call), *full, Follow::Yes);
  if (!at) return std::unexpected(at.error());
  // A socket on a read-only mount was bound by somebody on the host: not for a guest without network.
  bool outside = at->node != nullptr || at->file || (!at->writable() && !call.kernel.options().network_host);
  if (outside || !S_ISSOCK(at->st.st_mode)) return std::unexpected(ECONNREFUSED);
  address.holder = std::move(at->fd);
  if (!set_path(address, host_link(address.holder.get()))) return std::unexpected(ENAMETOOLONG);
  return {};
}

// A name for a new socket.
std::expected<void, int> prepare_bind(Call &call, Address &address, const std::string &path) {
  auto full = absolute(call, path);
  if (!full) return std::unexpected(full.error());
  auto parent = walk_parent(call.kernel.mounts(), view_of(call), *full);
  if (!parent) return std::unexpected(parent.error());
  if (!parent->normal() || parent->trailing_slash) return std::unexpected(EADDRINUSE);
  auto there = walk(call.kernel.mounts(), view_of(call), parent->path(), Follow::No);
  if (there) return std::unexpected(EADDRINUSE);
  if (there.error() != ENOENT) return std::unexpected(there.error());
  if (parent->directory.node != nullptr || !parent->directory.writable()) return std::unexpected(EROFS);
  address.holder = std::move(parent->directory.fd);
  // The host's address has no room for the longest names.
  if (!set_path(address, host_link(address.holder.get()) + "/" + parent->name)) return std::unexpected(ENAMETOOLONG);
  return {};
}

std::string unix_path(const Address &address) {
  const auto *bytes = reinterpret_cast<const char *>(&address.storage) + kPathOffset;
  std::size_t size = address.length > kPathOffset ? address.length - kPathOffset : 0;
  return {bytes, ::strnlen(bytes, std::min(size, sizeof(sockaddr_un) - kPathOffset))};
}

bool is_unix(const Address &address) { return address.length >= kPathOffset && address.storage.ss_family == AF_UNIX; }

} // namespace

std::expected<Address, int> load_address(Call &call, Gva from, std::uint64_t length, Purpose purpose) {
  Address address;
  if (length > sizeof address.storage) return std::unexpected(EINVAL);
  auto bytes = std::as_writable_bytes(std::span(&address.storage, 1)).first(length);
  if (fault::copy_in(*call.process.space, from, bytes) != length) return std::unexpected(EFAULT);
  address.length = socklen_t(length);
  if (!is_unix(address)) return address;
  if (length > sizeof(sockaddr_un)) return std::unexpected(EINVAL);
  std::string path = unix_path(address);
  if (path.empty()) return address; // abstract, or to be bound by the kernel
  auto done = purpose == Purpose::Bind ? prepare_bind(call, address, path) : reach(call, address, path);
  if (!done) return std::unexpected(done.error());
  return address;
}

std::string guest_bytes(Call &call, const Address &address) {
  std::size_t size = std::min<std::size_t>(address.length, sizeof address.storage);
  std::string raw(reinterpret_cast<const char *>(&address.storage), size);
  if (!is_unix(address)) return raw;
  std::string path = unix_path(address);
  if (path.empty()) return raw;
  return raw.substr(0, kPathOffset) + call.kernel.mounts().unix_names().guest_name(path) + '\0';
}

int store_address(Call &call, const Address &address, Gva to, Gva length_at) {
  std::int32_t room = 0;
  if (!get_user(call, length_at, room)) return EFAULT;
  if (room < 0) return EINVAL;
  std::string bytes = guest_bytes(call, address);
  auto part = std::as_bytes(std::span(bytes)).first(std::min(bytes.size(), std::size_t(room)));
  if (fault::copy_out(*call.process.space, to, part) != part.size()) return EFAULT;
  return put_user(call, length_at, std::int32_t(bytes.size())) ? 0 : EFAULT;
}

void remember_binding(Call &call, SocketFile &socket, Address &address, Gva from, std::uint64_t length) {
  Address original;
  auto bytes = std::as_writable_bytes(std::span(&original.storage, 1)).first(std::min(length, sizeof(sockaddr_un)));
  if (!address.holder.valid() || fault::copy_in(*call.process.space, from, bytes) != bytes.size()) return;
  original.length = socklen_t(length);
  std::string host = unix_path(address);
  call.kernel.mounts().unix_names().remember(host, unix_path(original));
  std::string name = host.substr(host.find_last_of('/') + 1);
  correct_mode(call.kernel.mounts(), address.holder.get(), name.c_str(), 0777, call.process.fs->umask());
  socket.keep_directory(std::move(address.holder));
}

} // namespace pagoda::kernel::sockets
