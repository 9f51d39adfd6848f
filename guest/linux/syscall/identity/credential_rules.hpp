// The rules by which user and group ids change (credentials(7), setresuid(2), setreuid(2), setuid(2),
// setfsuid(2)). Pure: every function changes `ids` or returns an errno.
//
// User and group ids obey one set of rules: they are looked at as an `IdSet` of either kind.
#pragma once

#include <cstdint>
#include <span>

#include "guest/linux/process.hpp"

namespace pagoda::kernel {

inline constexpr std::uint32_t kKeepId = ~0u; // -1: leave as it is

struct IdSet {
  std::uint32_t real = 0, effective = 0, saved = 0, filesystem = 0;
  bool operator==(const IdSet &) const = default;
};
[[nodiscard]] IdSet user_ids(const Credentials &credentials);
[[nodiscard]] IdSet group_ids(const Credentials &credentials);
void assign_user_ids(Credentials &credentials, const IdSet &ids);
void assign_group_ids(Credentials &credentials, const IdSet &ids);

// `privileged`: CAP_SETUID or CAP_SETGID. 0 or an errno.
int set_id(IdSet &ids, std::uint32_t id, bool privileged);
int set_real_effective(IdSet &ids, std::uint32_t real, std::uint32_t effective, bool privileged);
int set_real_effective_saved(IdSet &ids, std::uint32_t real, std::uint32_t effective, std::uint32_t saved,
                             bool privileged);
// Returns the old file-system id, changed or not.
std::uint32_t set_filesystem_id(IdSet &ids, std::uint32_t id, bool privileged);

// Capabilities of these credentials (capabilities(7)): all of them for effective user 0, less what
// capset gave up.
inline constexpr unsigned kLastCapability = 40; // CAP_CHECKPOINT_RESTORE
inline constexpr std::uint64_t kAllCapabilities = (1ull << (kLastCapability + 1)) - 1;
struct CapabilitySets {
  std::uint64_t effective = 0, permitted = 0, inheritable = 0;
};
[[nodiscard]] CapabilitySets capabilities(const Credentials &credentials);
// 0 or EPERM: a set can only be made smaller.
int set_capabilities(Credentials &credentials, const CapabilitySets &wanted);

enum class Capability : unsigned {
  SetGid = 6,
  SetUid = 7,
  IpcLock = 14,
  SysAdmin = 21,
  SysNice = 23,
  SysResource = 24
};
[[nodiscard]] bool capable(const Credentials &credentials, Capability capability);

} // namespace pagoda::kernel
