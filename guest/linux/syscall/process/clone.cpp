#include "guest/linux/syscall/process/clone.hpp"

#include <cerrno>
#include <sched.h>

#include "guest/linux/kernel.hpp"
#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/signal/frame.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/syscall/time_state.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::process {
namespace {

constexpr std::uint64_t kClearSighand = 0x100000000ull; // CLONE_CLEAR_SIGHAND
constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                      CLONE_NEWPID | CLONE_NEWNET | 0x80; // CLONE_NEWTIME
constexpr std::uint64_t kSupported = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_PTRACE | CLONE_VFORK |
                                     CLONE_PARENT | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                                     CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_UNTRACED | CLONE_CHILD_SETTID |
                                     CLONE_IO | kClearSighand;
// Each task costs the host some kilobytes and the guest's numbers are finite.
constexpr std::size_t kMaxTasks = 32'768;

// What a vfork parent keeps while it waits.
struct VforkState : CallState {
  std::uint32_t child = 0;
};

int check_flags(std::uint64_t flags) {
  const auto without = [flags](std::uint64_t set, std::uint64_t needs) {
    return (flags & set) != 0 && (flags & needs) == 0;
  };
  if ((flags & kNamespaces) != 0) return EPERM;
  if ((flags & ~kSupported) != 0) return EINVAL;
  if (without(CLONE_SIGHAND, CLONE_VM) || without(CLONE_THREAD, CLONE_SIGHAND)) return EINVAL;
  if ((flags & kClearSighand) != 0 && (flags & CLONE_SIGHAND) != 0) return EINVAL;
  return 0;
}

std::size_t count_tasks(Kernel &kernel) PAGODA_REQUIRES(kernel.mutex) {
  std::size_t count = 0;
  for (const auto &[pid, process] : kernel.processes) count += process->tasks.size();
  return count;
}

// A child of its own process, as far as it can be made without the kernel's lock.
std::expected<std::unique_ptr<Process>, int> copy_process(Call &call, const CloneRequest &request, std::uint32_t pid) {
  Process &parent = call.process;
  const std::uint64_t flags = request.flags;
  const Platform &platform = call.kernel.platform();
  std::unique_ptr<Process> child(new (platform.cache(&space::KernelMemory::signal_cache)) Process(pid, parent.pid()));
  if ((flags & CLONE_VM) != 0) {
    child->space = parent.space;
  } else {
    auto space = parent.space->fork(pid);
    if (!space) return std::unexpected(ENOMEM);
    child->space = std::move(*space);
  }
  child->fds =
      (flags & CLONE_FILES) != 0 ? parent.fds : parent.fds->copy(platform.cache(&space::KernelMemory::files_cache));
  child->fs = (flags & CLONE_FS) != 0 ? parent.fs
                                      : make_in<FsContext>(platform.cache(&space::KernelMemory::fs_cache), *parent.fs);
  return child;
}

void clear_handlers(SignalActions &actions) {
  for (SignalAction &action : actions.of) {
    if (action.handler != kHandlerIgnore) action = SignalAction{};
  }
}

// What a child inherits that the kernel's lock guards.
void inherit(const Process &parent, Process &child, const CloneRequest &request, const Platform &platform) {
  child.parent = (request.flags & CLONE_PARENT) != 0 ? parent.parent : parent.pid();
  child.exit_signal = (request.flags & CLONE_PARENT) != 0 ? parent.exit_signal : request.exit_signal;
  child.group = parent.group;
  child.session = parent.session;
  if ((request.flags & CLONE_SIGHAND) != 0)
    child.actions = parent.actions;
  else
    child.actions = make_in<SignalActions>(platform.cache(&space::KernelMemory::sighand_cache), *parent.actions);
  if ((request.flags & kClearSighand) != 0) clear_handlers(*child.actions);
  child.credentials = parent.credentials;
  child.limits = parent.limits;
  child.image = parent.image;
  child.dumpable = parent.dumpable;
  child.no_new_privileges = parent.no_new_privileges;
  child.oom_score_adj = parent.oom_score_adj;
  child.personality = parent.personality;
}

std::unique_ptr<Task> copy_task(Call &call, Process &process, const CloneRequest &request, std::uint32_t tid) {
  Task &parent = call.task;
  phys::NamedCache *cache = call.kernel.platform().cache(&space::KernelMemory::task_struct);
  std::unique_ptr<Task> child(new (cache) Task(process, tid));
  child->registers = parent.registers;
  child->registers.rax = 0;
  if (request.stack != 0) child->registers.rsp = request.stack;
  if ((request.flags & CLONE_SETTLS) != 0) child->registers.fs_base = request.tls;
  if ((request.flags & CLONE_CHILD_CLEARTID) != 0) child->clear_child_tid = request.child_tid;
  *child->fpu = sync_fpu(call.kernel, parent);
  return child;
}

void inherit(const Task &parent, Task &child, const CloneRequest &request) {
  child.signals.blocked = parent.signals.blocked;
  const bool shares_memory = (request.flags & CLONE_VM) != 0 && (request.flags & CLONE_VFORK) == 0;
  if (!shares_memory) child.signals.alternate = parent.signals.alternate;
  child.name = parent.name;
  child.nice = parent.nice;
  child.affinity = parent.affinity;
  child.policy = parent.policy;
  child.vruntime = parent.vruntime;
}

// The words that glibc waits for; a bad address is the program's own affair (as on Linux).
void store_tids(Call &call, const Process &child, const CloneRequest &request, std::uint32_t tid) {
  if ((request.flags & CLONE_PARENT_SETTID) != 0) (void)put_user(call, request.parent_tid, tid);
  if ((request.flags & CLONE_CHILD_SETTID) != 0) (void)fault::write_value(*child.space, request.child_tid, tid);
}

void watch_inherited_cpu_limit(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex) {
  if (process.limits[RLIMIT_CPU].rlim_cur != RLIM_INFINITY) watch_cpu_time(kernel, process);
}

// Makes the child known and lets it run. 0, or an errno.
int publish(Call &call, const CloneRequest &request, std::unique_ptr<Process> process, std::unique_ptr<Task> task) {
  Kernel &kernel = call.kernel;
  LockGuard guard(kernel.mutex);
  if (call.task.exiting || kernel.ending) return EINTR; // what is being killed makes no children
  Process &owner = process ? *process : call.process;
  Task &child = *task;
  if (process) inherit(call.process, owner, request, call.kernel.platform());
  inherit(call.task, child, request);
  child.start_ns = kernel.now_ns();
  owner.tasks.push_back(std::move(task));
  owner.live_tasks++;
  kernel.statistics().threads++;
  if (process) {
    kernel.statistics().processes++;
    kernel.processes.emplace(owner.pid(), std::move(process));
    watch_inherited_cpu_limit(kernel, owner);
  }
  if ((request.flags & CLONE_VFORK) != 0) {
    child.vfork_parent = &call.task;
    call.task.awaits_vfork = true;
  }
  kernel.scheduler().enqueue(child);
  return 0;
}

std::expected<std::uint32_t, int> reserve_tid(Call &call) {
  LockGuard guard(call.kernel.mutex);
  if (count_tasks(call.kernel) >= kMaxTasks) return std::unexpected(EAGAIN);
  return call.kernel.allocate_pid();
}

} // namespace

SysResult clone(Call &call, const CloneRequest &request) {
  if (call.state) return static_cast<VforkState &>(*call.state).child; // the child has exec'ed or ended
  if (const int error = check_flags(request.flags)) return SysResult::error(error);
  if ((request.flags & CLONE_SETTLS) != 0 && request.tls >= space::kUserEnd.value()) return -EPERM;
  const auto tid = reserve_tid(call);
  if (!tid) return SysResult::error(tid.error());

  std::unique_ptr<Process> process;
  if ((request.flags & CLONE_THREAD) == 0) {
    auto copy = copy_process(call, request, *tid);
    if (!copy) return SysResult::error(copy.error());
    process = std::move(*copy);
  }
  auto task = copy_task(call, process ? *process : call.process, request, *tid);
  store_tids(call, process ? *process : call.process, request, *tid); // before the child may run
  if (const int error = publish(call, request, std::move(process), std::move(task))) return SysResult::error(error);
  if ((request.flags & CLONE_VFORK) == 0) return *tid;
  call.keep<VforkState>().child = *tid;
  WaitFor wait;
  wait.on_signal = WaitFor::OnSignal::Killable;
  return SysResult::park(std::move(wait));
}

} // namespace pagoda::kernel::process
