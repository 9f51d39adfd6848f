// User and group ids. They are the guest's own: what a file of the host allows is another matter.
#include <cerrno>
#include <vector>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/identity/credential_rules.hpp"
#include "guest/linux/syscall/identity/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::identity {

namespace {

constexpr std::size_t kMaxGroups = 65536; // NGROUPS_MAX

Credentials credentials_of(Call &call) {
  const LockGuard guard(call.kernel.mutex);
  return call.process.credentials;
}

// What a change of ids forgets: a core image and the wish to die with the parent belonged to the old.
void after_change(Process &process, const Credentials &before) {
  const Credentials &now = process.credentials;
  if (before.euid == now.euid && before.egid == now.egid && before.fsuid == now.fsuid && before.fsgid == now.fsgid)
    return;
  process.dumpable = false;
  process.parent_death_signal = 0;
}

// Runs a rule over the user or group ids and stores what came out.
SysResult change_users(Call &call, auto &&rule) {
  const LockGuard guard(call.kernel.mutex);
  const Credentials before = call.process.credentials;
  IdSet ids = user_ids(before);
  const std::int64_t result = rule(ids, capable(before, Capability::SetUid));
  if (result >= 0) assign_user_ids(call.process.credentials, ids);
  after_change(call.process, before);
  return result;
}

SysResult change_groups(Call &call, auto &&rule) {
  const LockGuard guard(call.kernel.mutex);
  const Credentials before = call.process.credentials;
  IdSet ids = group_ids(before);
  const std::int64_t result = rule(ids, capable(before, Capability::SetGid));
  if (result >= 0) assign_group_ids(call.process.credentials, ids);
  after_change(call.process, before);
  return result;
}

SysResult put_three(Call &call, const IdSet &ids) {
  const bool stored = put_user(call, call.arg_gva(0), ids.real) && put_user(call, call.arg_gva(1), ids.effective) &&
                      put_user(call, call.arg_gva(2), ids.saved);
  return stored ? SysResult(0) : SysResult::error(EFAULT);
}

} // namespace

SysResult do_getuid(Call &call) { return credentials_of(call).uid; }
SysResult do_geteuid(Call &call) { return credentials_of(call).euid; }
SysResult do_getgid(Call &call) { return credentials_of(call).gid; }
SysResult do_getegid(Call &call) { return credentials_of(call).egid; }
SysResult do_getresuid(Call &call) { return put_three(call, user_ids(credentials_of(call))); }
SysResult do_getresgid(Call &call) { return put_three(call, group_ids(credentials_of(call))); }

SysResult do_setuid(Call &call) {
  return change_users(call, [&](IdSet &ids, bool root) { return -set_id(ids, call.arg_uint(0), root); });
}
SysResult do_setgid(Call &call) {
  return change_groups(call, [&](IdSet &ids, bool root) { return -set_id(ids, call.arg_uint(0), root); });
}
SysResult do_setreuid(Call &call) {
  return change_users(
      call, [&](IdSet &ids, bool root) { return -set_real_effective(ids, call.arg_uint(0), call.arg_uint(1), root); });
}
SysResult do_setregid(Call &call) {
  return change_groups(
      call, [&](IdSet &ids, bool root) { return -set_real_effective(ids, call.arg_uint(0), call.arg_uint(1), root); });
}
SysResult do_setresuid(Call &call) {
  return change_users(call, [&](IdSet &ids, bool root) {
    return -set_real_effective_saved(ids, call.arg_uint(0), call.arg_uint(1), call.arg_uint(2), root);
  });
}
SysResult do_setresgid(Call &call) {
  return change_groups(call, [&](IdSet &ids, bool root) {
    return -set_real_effective_saved(ids, call.arg_uint(0), call.arg_uint(1), call.arg_uint(2), root);
  });
}
SysResult do_setfsuid(Call &call) {
  return change_users(
      call, [&](IdSet &ids, bool root) { return std::int64_t(set_filesystem_id(ids, call.arg_uint(0), root)); });
}
SysResult do_setfsgid(Call &call) {
  return change_groups(
      call, [&](IdSet &ids, bool root) { return std::int64_t(set_filesystem_id(ids, call.arg_uint(0), root)); });
}

SysResult do_getgroups(Call &call) {
  const int room = call.arg_int(0);
  if (room < 0) return SysResult::error(EINVAL);
  const std::vector<std::uint32_t> groups = credentials_of(call).groups;
  if (room == 0) return std::int64_t(groups.size());
  if (groups.size() > std::size_t(room)) return SysResult::error(EINVAL);
  const auto bytes = std::as_bytes(std::span(groups));
  if (fault::copy_out(*call.process.space, call.arg_gva(1), bytes) != bytes.size()) return SysResult::error(EFAULT);
  return std::int64_t(groups.size());
}

SysResult do_setgroups(Call &call) {
  if (!capable(credentials_of(call), Capability::SetGid)) return SysResult::error(EPERM);
  const std::uint32_t count = call.arg_uint(0);
  if (count > kMaxGroups) return SysResult::error(EINVAL);
  std::vector<std::uint32_t> groups(count);
  const auto bytes = std::as_writable_bytes(std::span(groups));
  if (fault::copy_in(*call.process.space, call.arg_gva(1), bytes) != bytes.size()) return SysResult::error(EFAULT);
  const LockGuard guard(call.kernel.mutex);
  call.process.credentials.groups = std::move(groups);
  return 0;
}

} // namespace pagoda::kernel::identity
