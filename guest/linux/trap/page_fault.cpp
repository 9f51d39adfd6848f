#include <fmt/format.h>

#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/trap/trap.hpp"
#include "mmu/fault/fault.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::uint64_t kPageFaultVector = 14;

void raise(Kernel &kernel, Task &task, const VmExit &exit, int signal, int code) {
  task.trap = {kPageFaultVector, exit.error_code, exit.address.value()};
  LockGuard guard(kernel.mutex);
  force_signal(kernel, task, fault_info(signal, code, exit.address));
}

void count(Kernel &kernel, Task &task, const fault::Outcome &outcome) {
  Statistics &statistics = kernel.statistics();
  statistics.faults[std::size_t(outcome.which)]++;
  statistics.fault_pages += outcome.pages;
  if (!outcome.resolved()) return;
  LockGuard guard(kernel.mutex);
  task.minor_faults++;
}

void trace(Kernel &kernel, const Task &task, const VmExit &exit, const fault::Outcome &outcome, std::uint64_t begin) {
  Tracer *tracer = kernel.options().tracer;
  if (tracer == nullptr || !tracer->wants_faults()) return;
  tracer->fault(task, exit.address, exit.access, outcome, begin, kernel.now_ns());
}

} // namespace

void handle_page_fault(Kernel &kernel, Task &task, const VmExit &exit) {
  const std::uint64_t begin = kernel.options().tracer != nullptr ? kernel.now_ns() : 0;
  const fault::Outcome outcome = fault::resolve(*task.process().space, exit.address, exit.access);
  count(kernel, task, outcome);
  trace(kernel, task, exit, outcome, begin);
  if (outcome.resolved()) return;
  switch (outcome.which) {
  case fault::Case::OutOfMemory: return kill_out_of_memory(kernel, task, exit.address);
  case fault::Case::PastEnd:
  case fault::Case::IoError: return raise(kernel, task, exit, SIGBUS, BUS_ADRERR);
  case fault::Case::Permission: return raise(kernel, task, exit, SIGSEGV, SEGV_ACCERR);
  default: return raise(kernel, task, exit, SIGSEGV, SEGV_MAPERR);
  }
}

void kill_out_of_memory(Kernel &kernel, Task &task, Gva address) {
  const auto counters = kernel.platform().memory.counters();
  std::string name;
  {
    LockGuard guard(kernel.mutex); // another thread may set it through /proc
    name = task.name;
  }
  fmt::print(stderr,
             "pagoda: out of memory: killed process {} ({}) that touched {:#x}; {} MiB of guest memory, {} KiB free. "
             "Give it more with --memory.\n",
             task.process().pid(), name, address.value(), counters.managed * kPageSize >> 20,
             counters.free * kPageSize >> 10);
  LockGuard guard(kernel.mutex);
  begin_group_exit(kernel, task.process(), SIGKILL);
}

} // namespace pagoda::kernel
