#include "guest/linux/syscall/dispatch.hpp"

#include <cerrno>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::uint64_t kSyscallInstructionBytes = 2; // 0f 05

void count_unknown(Kernel &kernel, unsigned number) {
  Statistics &statistics = kernel.statistics();
  (number < kSyscallNumbers ? statistics.unknown[number] : statistics.unknown_beyond)++;
}

void trace(Kernel &kernel, const Task &task, bool returns, std::int64_t result) {
  Tracer *tracer = kernel.options().tracer;
  if (tracer == nullptr || !tracer->wants_syscalls()) return;
  tracer->syscall(task, task.call_number, find_syscall(task.call_number), task.call_args, returns, result,
                  task.call_begin_ns, kernel.now_ns());
}

void finish(Kernel &kernel, Task &task, std::int64_t result) {
  task.registers.rax = std::uint64_t(result);
  task.interrupted = result == -EINTR;
  trace(kernel, task, true, result);
}

} // namespace

void begin_system_call(Kernel &kernel, Task &task) {
  const Registers &registers = task.registers;
  task.call_number = unsigned(registers.rax); // Linux too looks at 32 bits only
  task.call_args = {registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9};
  task.call_begin_ns = kernel.options().tracer != nullptr ? kernel.now_ns() : 0;
  if (task.call_number < kSyscallNumbers) kernel.statistics().syscalls[task.call_number]++;
}

std::optional<WaitFor> invoke_system_call(Kernel &kernel, Task &task, Wake woken) {
  task.in_call = false;
  const SyscallEntry *entry = find_syscall(task.call_number);
  if (entry == nullptr) {
    count_unknown(kernel, task.call_number);
    finish(kernel, task, -ENOSYS);
    return std::nullopt;
  }
  Call call{kernel, task.process(), task, task.call_number, task.call_args, woken, task.call_state};
  task.current_call = &call;
  SysResult result = entry->handler(call);
  task.current_call = nullptr;
  if (result.kind() == SysResult::Kind::Park && woken == Wake::Signal) result = SysResult::error(EINTR);
  if (result.kind() == SysResult::Kind::Park) {
    task.in_call = true;
    return std::move(result.wait());
  }
  task.call_state.reset();
  if (result.kind() == SysResult::Kind::Done)
    finish(kernel, task, result.value());
  else
    trace(kernel, task, false, 0);
  return std::nullopt;
}

void abandon_system_call(Kernel &kernel, Task &task) {
  task.in_call = false;
  task.restart_call = true;
  task.interrupted = true; // a temporary mask holds until the handler has its frame
  task.call_state.reset();
  trace(kernel, task, true, -EINTR);
}

void restart_system_call(Task &task) {
  task.registers.rax = task.call_number;
  task.registers.rip -= kSyscallInstructionBytes;
}

void interrupt_system_call(Task &task) { task.registers.rax = std::uint64_t(-std::int64_t(EINTR)); }

} // namespace pagoda::kernel
