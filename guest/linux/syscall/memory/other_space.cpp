#include "guest/linux/syscall/memory/other_space.hpp"

#include <cerrno>

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel::memory {

namespace {

bool may_access(const Process &reader, const Process &target) {
  const Credentials &mine = reader.credentials;
  const Credentials &theirs = target.credentials;
  if (&reader == &target || mine.euid == 0) return true;
  const bool same_user = mine.uid == theirs.uid && mine.uid == theirs.euid && mine.uid == theirs.suid;
  const bool same_group = mine.gid == theirs.gid && mine.gid == theirs.egid && mine.gid == theirs.sgid;
  return same_user && same_group && target.dumpable;
}

} // namespace

std::expected<std::shared_ptr<space::Space>, int> space_of(Call &call, std::uint32_t tid) {
  const LockGuard guard(call.kernel.mutex);
  Task *task = call.kernel.find_task(tid);
  if (task == nullptr || task->process().zombie || !task->process().space) return unexpected(ESRCH);
  if (!may_access(call.process, task->process())) return unexpected(EPERM);
  return task->process().space;
}

} // namespace pagoda::kernel::memory
