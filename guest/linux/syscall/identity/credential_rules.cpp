#include "guest/linux/syscall/identity/credential_rules.hpp"

#include <cerrno>

namespace pagoda::kernel {

IdSet user_ids(const Credentials &c) { return {c.uid, c.euid, c.suid, c.fsuid}; }
IdSet group_ids(const Credentials &c) { return {c.gid, c.egid, c.sgid, c.fsgid}; }

void assign_user_ids(Credentials &c, const IdSet &ids) {
  c.uid = ids.real;
  c.euid = ids.effective;
  c.suid = ids.saved;
  c.fsuid = ids.filesystem;
}

void assign_group_ids(Credentials &c, const IdSet &ids) {
  c.gid = ids.real;
  c.egid = ids.effective;
  c.sgid = ids.saved;
  c.fsgid = ids.filesystem;
}

int set_id(IdSet &ids, std::uint32_t id, bool privileged) {
  if (id == kKeepId) return EINVAL;
  if (privileged) {
    ids = {id, id, id, id};
    return 0;
  }
  if (id != ids.real && id != ids.saved) return EPERM;
  ids.effective = ids.filesystem = id;
  return 0;
}

int set_real_effective(IdSet &ids, std::uint32_t real, std::uint32_t effective, bool privileged) {
  const bool sets_real = real != kKeepId;
  const bool sets_effective = effective != kKeepId;
  if (!privileged) {
    if (sets_real && real != ids.real && real != ids.effective) return EPERM;
    if (sets_effective && effective != ids.real && effective != ids.effective && effective != ids.saved) return EPERM;
  }
  const std::uint32_t old_real = ids.real;
  if (sets_real) ids.real = real;
  if (sets_effective) ids.effective = effective;
  if (sets_real || (sets_effective && effective != old_real)) ids.saved = ids.effective;
  ids.filesystem = ids.effective;
  return 0;
}

int set_real_effective_saved(IdSet &ids, std::uint32_t real, std::uint32_t effective, std::uint32_t saved,
                             bool privileged) {
  const auto allowed = [&](std::uint32_t id) {
    return id == kKeepId || privileged || id == ids.real || id == ids.effective || id == ids.saved;
  };
  if (!allowed(real) || !allowed(effective) || !allowed(saved)) return EPERM;
  if (real != kKeepId) ids.real = real;
  if (effective != kKeepId) ids.effective = effective;
  if (saved != kKeepId) ids.saved = saved;
  ids.filesystem = ids.effective;
  return 0;
}

std::uint32_t set_filesystem_id(IdSet &ids, std::uint32_t id, bool privileged) {
  const std::uint32_t old = ids.filesystem;
  const bool allowed = privileged || id == ids.real || id == ids.effective || id == ids.saved || id == old;
  if (id != kKeepId && allowed) ids.filesystem = id;
  return old;
}

CapabilitySets capabilities(const Credentials &credentials) {
  CapabilitySets sets;
  sets.inheritable = credentials.capabilities_inheritable;
  // Leaving user 0 clears the effective set; the permitted one stays while a real or saved id is 0.
  const bool some_root = credentials.euid == 0 || credentials.uid == 0 || credentials.suid == 0;
  if (some_root) sets.permitted = kAllCapabilities & ~credentials.capabilities_dropped;
  if (credentials.euid == 0) sets.effective = sets.permitted & ~credentials.capabilities_lowered;
  return sets;
}

int set_capabilities(Credentials &credentials, const CapabilitySets &wanted) {
  const CapabilitySets now = capabilities(credentials);
  if ((wanted.permitted & ~now.permitted) != 0 || (wanted.effective & ~wanted.permitted) != 0) return EPERM;
  if ((wanted.inheritable & ~(now.inheritable | now.permitted)) != 0) return EPERM;
  // Effective capabilities of a user other than 0 cannot be raised: none are kept for it.
  if (credentials.euid != 0 && wanted.effective != 0) return EPERM;
  credentials.capabilities_dropped |= kAllCapabilities & ~wanted.permitted;
  credentials.capabilities_lowered = kAllCapabilities & ~wanted.effective;
  credentials.capabilities_inheritable = wanted.inheritable;
  return 0;
}

bool capable(const Credentials &credentials, Capability capability) {
  return ((capabilities(credentials).effective >> unsigned(capability)) & 1) != 0;
}

} // namespace pagoda::kernel
