// Making init: the first process, from a request of the command line.
#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/linux/exec/loader.hpp"
#include "guest/linux/fs/standard_files.hpp"
#include "guest/linux/kernel.hpp"
#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/syscall/identity/limits.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::uint32_t kInit = 1;

// Init acts as the user who started Pagoda: what it may open is what that user may open.
Credentials host_credentials() {
  Credentials c;
  c.uid = c.suid = ::getuid();
  c.euid = c.fsuid = ::geteuid();
  c.gid = c.sgid = ::getgid();
  c.egid = c.fsgid = ::getegid();
  std::vector<gid_t> groups(std::size_t(std::max(0, ::getgroups(0, nullptr))));
  const int count = ::getgroups(int(groups.size()), groups.data());
  c.groups.assign(groups.begin(), groups.begin() + std::max(0, count));
  return c;
}

mode_t host_umask() {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return mask;
}

} // namespace

std::expected<void, Kernel::StartError> Kernel::start(const ProgramRequest &request) {
  using space::KernelMemory;
  std::unique_ptr<Process> process(new (platform_.cache(&KernelMemory::signal_cache)) Process(kInit, 0));
  process->credentials = host_credentials();
  process->limits = default_limits(platform_.memory.counters().managed * kPageSize);
  process->fs = make_in<FsContext>(platform_.cache(&KernelMemory::fs_cache), request.working_directory, host_umask());
  process->fds = make_in<FdTable>(platform_.cache(&KernelMemory::files_cache));
  const rlim_t files = process->limits[RLIMIT_NOFILE].rlim_cur;
  process->fds->set_limit(int(std::min<rlim_t>(files, 1u << 20)));
  make_standard_fds(*this, *process->fds);

  const LoadRequest load{request.path,         request.arguments, request.environment,
                         process->credentials, nullptr,           process->limits[RLIMIT_STACK].rlim_cur};
  auto program = load_program(*this, load);
  if (!program) return std::unexpected(StartError{program.error().error, request.path, program.error().interpreter});
  process->space = std::move(program->space);
  process->image = std::move(program->image);

  std::unique_ptr<Task> task(new (platform_.cache(&KernelMemory::task_struct)) Task(*process, kInit));
  task->registers = program->registers;
  task->name = std::move(program->name);
  if (!platform_.cpus.empty()) *task->fpu = platform_.cpus.front()->initial_fpu();
  Task &first = *task;
  process->tasks.push_back(std::move(task));
  process->live_tasks = 1;
  statistics_.processes++;
  statistics_.threads++;
  LockGuard guard(mutex);
  first.start_ns = now_ns();
  processes.emplace(kInit, std::move(process));
  scheduler_->enqueue(first);
  return {};
}

} // namespace pagoda::kernel
