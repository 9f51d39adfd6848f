// Control messages (cmsg(3)) between guest and host: descriptors become tokens and back, credentials
// become the guest's, the rest passes where it is known to be harmless.
#pragma once

#include <expected>
#include <sys/socket.h>
#include <vector>

#include "guest/linux/syscall/sockets/support.hpp"

namespace pagoda::kernel::sockets {

inline constexpr std::size_t kLargestControl = 20480;      // the host's own bound (optmem_max) is as large
inline constexpr std::size_t kMostDescriptorsPassed = 253; // SCM_MAX_FD

struct OutgoingControl {
  std::vector<std::byte> bytes; // for the host
  std::vector<UniqueFd> tokens; // named in it; the host copies them
};
// The guest's control buffer, checked and translated.
[[nodiscard]] std::expected<OutgoingControl, int> load_control(Call &call, Gva from, std::uint64_t length);

// What arrived, translated into the guest's buffer of `room` bytes. Returns the bytes stored; sets
// MSG_CTRUNC in `flags` when something did not fit. `cloexec`: MSG_CMSG_CLOEXEC; `peek`: MSG_PEEK.
struct IncomingRequest {
  Gva to;
  std::uint64_t room = 0;
  bool cloexec = false;
  bool peek = false;
};
[[nodiscard]] std::expected<std::uint64_t, int> store_control(Call &call, msghdr &message,
                                                              const IncomingRequest &request);

} // namespace pagoda::kernel::sockets
