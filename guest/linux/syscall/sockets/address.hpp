// Socket addresses between guest and host.
//
// Internet addresses pass as they are. A unix path is a guest path: it is walked like any other, and
// the host is given the way by a descriptor (/proc/self/fd/N, /proc/self/fd/N/name).
#pragma once

#include <expected>
#include <sys/socket.h>

#include "guest/linux/fs/socket_file.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::sockets {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  UniqueFd holder; // the descriptor that a translated path goes by

  [[nodiscard]] sockaddr *get() { return reinterpret_cast<sockaddr *>(&storage); }
};

enum class Purpose : bool { Reach, Bind };

// The address at a guest pointer, checked and translated; an errno otherwise.
[[nodiscard]] std::expected<Address, int> load_address(Call &call, Gva from, std::uint64_t length, Purpose purpose);
// Stores one the way Linux does: as much as fits, and the true length. 0 or an errno.
[[nodiscard]] int store_address(Call &call, const Address &address, Gva to, Gva length_at);
// The bytes a guest sees for it.
[[nodiscard]] std::string guest_bytes(Call &call, const Address &address);
// Where a unix path lies for binding: remembers the guest's name once the bind is done.
void remember_binding(Call &call, SocketFile &socket, Address &address, Gva from, std::uint64_t length);

} // namespace pagoda::kernel::sockets
