// execve: the new program is loaded beside the old one; only when nothing can fail any more do the
// other threads die and the process changes over. Source: execve(2), Linux fs/exec.c as behaviour.
#include <cerrno>
#include <fcntl.h>
#include <utility>

#include "guest/linux/exec/loader.hpp"
#include "guest/linux/kernel.hpp"
#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/lifecycle/thread_cleanup.hpp"
#include "guest/linux/signal/frame.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/syscall/files/support.hpp"
#include "guest/linux/syscall/process/exec_arguments.hpp"
#include "guest/linux/syscall/process/handlers.hpp"
#include "guest/linux/syscall/time_state.hpp"

namespace pagoda::kernel::process {
namespace {

// The loaded program, while the other threads die.
struct ExecState : CallState {
  LoadedProgram program;
};

std::expected<LoadedProgram, int> load(Call &call, std::string path, Gva argv, Gva envp) {
  std::size_t budget = kMaxStrings;
  auto arguments = read_strings(call, argv, budget);
  if (!arguments) return std::unexpected(arguments.error());
  auto environment = read_strings(call, envp, budget);
  if (!environment) return std::unexpected(environment.error());
  if (arguments->empty()) arguments->emplace_back(); // Linux: argc is at least 1
  Credentials credentials;
  std::uint64_t stack_limit = 0;
  {
    LockGuard guard(call.kernel.mutex);
    credentials = call.process.credentials;
    stack_limit = call.process.limits[RLIMIT_STACK].rlim_cur;
  }
  auto program = load_program(call.kernel, LoadRequest{std::move(path), std::move(*arguments), std::move(*environment),
                                                       credentials, &call.process, stack_limit});
  if (!program) return std::unexpected(program.error().error);
  return std::move(*program);
}

// True when this is the only thread left; else it waits in `thread_exits`.
bool alone(Call &call) {
  LockGuard guard(call.kernel.mutex);
  if (call.process.live_tasks <= 1) return true;
  call.process.exec_in_progress = true;
  kill_other_threads(call.kernel, call.task);
  call.process.thread_exits.add(call.task);
  return false;
}

// The thread that execs becomes the leader and bears the process's number.
std::unique_ptr<Task> take_the_lead(Process &process, Task &task) {
  if (&process.leader() == &task) return nullptr;
  const auto is_it = [&](const auto &owned) { return owned.get() == &task; };
  const auto it = std::ranges::find_if(process.tasks, is_it);
  std::iter_swap(process.tasks.begin(), it);
  std::unique_ptr<Task> old_leader = std::move(*it);
  process.tasks.erase(it);
  add_to_dead(process, *old_leader);
  task.take_over_tid(process.pid());
  return old_leader;
}

void reset_signals(const Platform &platform, Process &process, Task &task) {
  phys::NamedCache *cache = platform.cache(&space::KernelMemory::sighand_cache);
  auto actions = make_in<SignalActions>(cache, *process.actions); // it may be shared with another process
  for (SignalAction &action : actions->of) {
    action = SignalAction{.handler = action.handler == kHandlerIgnore ? kHandlerIgnore : kHandlerDefault};
  }
  process.actions = std::move(actions);
  task.signals.alternate = AlternateStack{};
  process.exit_signal = SIGCHLD;
}

// What the old program leaves behind, to be given back without the kernel's lock.
struct Remains {
  std::unique_ptr<Task> leader;
  std::shared_ptr<space::Space> space;
  std::shared_ptr<FdTable> shared_fds;
};

Remains change_over(Call &call, LoadedProgram &program) {
  Process &process = call.process;
  Task &task = call.task;
  auto own_fds = process.fds.use_count() > 1
                     ? process.fds->copy(call.kernel.platform().cache(&space::KernelMemory::files_cache))
                     : nullptr;
  LockGuard guard(call.kernel.mutex);
  Remains remains;
  remains.leader = take_the_lead(process, task);
  note_usage(call.kernel, process);
  remains.space = std::exchange(process.space, std::move(program.space));
  if (own_fds) remains.shared_fds = std::exchange(process.fds, std::move(own_fds));
  process.image = std::move(program.image);
  process.did_exec = true;
  process.dumpable = true;
  process.exec_in_progress = false;
  if (process.timers) process.timers->delete_posix();
  reset_signals(call.kernel.platform(), process, task);
  task.name = std::move(program.name);
  task.robust_list = Gva{};
  task.robust_list_length = 0;
  release_vfork_parent(call.kernel, task);
  return remains;
}

void reset_thread(Kernel &kernel, Task &task, const Registers &registers) {
  task.registers = registers;
  task.trap = {};
  task.rseq = Gva{};
  task.clear_child_tid = Gva{};
  *task.fpu = kernel.platform().cpus[std::size_t(task.cpu)]->initial_fpu();
  fpu_changed(kernel, task);
}

SysResult exec(Call &call, const std::expected<std::string, int> &path, Gva argv, Gva envp) {
  if (!call.state) {
    if (!path) return SysResult::error(path.error());
    auto program = load(call, *path, argv, envp);
    if (!program) return SysResult::error(program.error());
    call.keep<ExecState>().program = std::move(*program);
  }
  if (!alone(call)) {
    WaitFor wait;
    wait.on_signal = WaitFor::OnSignal::Killable;
    return SysResult::park(std::move(wait));
  }
  LoadedProgram program = std::move(call.keep<ExecState>().program);
  settle_user_words(call.kernel, call.task);
  const Remains remains = change_over(call, program);
  call.process.fds->close_for_exec();
  reset_thread(call.kernel, call.task, program.registers);
  return SysResult::leave();
}

std::expected<std::string, int> path_at(Call &call) {
  auto path = files::user_path(call, call.arg_gva(1));
  if (!path) return path;
  const int flags = call.arg_int(4);
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) return std::unexpected(EINVAL);
  if (!path->empty() || (flags & AT_EMPTY_PATH) == 0) return files::absolute_path(call, call.arg_int(0), *path);
  if (!call.process.fds->get(call.arg_int(0))) return std::unexpected(EBADF);
  return "/proc/self/fd/" + std::to_string(call.arg_int(0));
}

} // namespace

SysResult do_execve(Call &call) {
  if (call.state) return exec(call, {}, {}, {});
  return exec(call, files::path_argument(call, AT_FDCWD, 0), call.arg_gva(1), call.arg_gva(2));
}

SysResult do_execveat(Call &call) {
  if (call.state) return exec(call, {}, {}, {});
  return exec(call, path_at(call), call.arg_gva(2), call.arg_gva(3));
}

} // namespace pagoda::kernel::process
