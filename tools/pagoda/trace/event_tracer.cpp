#include "tools/pagoda/trace/event_tracer.hpp"

#include <cstring>

#include <fmt/format.h>

#include "guest/linux/process.hpp"
#include "guest/linux/syscall/table.hpp"
#include "guest/linux/task.hpp"
#include "tools/pagoda/report/human.hpp"
#include "tools/pagoda/trace/call_text.hpp"

namespace pagoda::tools {
namespace {

const char *name_of(Access access) {
  switch (access) {
  case Access::Read: return "read";
  case Access::Write: return "write";
  case Access::Execute: return "execute";
  }
  return "?";
}

std::string exit_text(const kernel::VmExit &exit, const kernel::Task &task) {
  using Kind = kernel::VmExit::Kind;
  switch (exit.kind) {
  case Kind::SystemCall:
    return fmt::format("exit system call {} ({})", task.registers.rax,
                       kernel::syscall_name(unsigned(task.registers.rax)));
  case Kind::PageFault:
    return fmt::format("exit page fault {} {:#x} error {:#x}", name_of(exit.access), exit.address.value(),
                       exit.error_code);
  case Kind::Exception: return fmt::format("exit exception {} error {:#x}", exit.vector, exit.error_code);
  case Kind::Kicked: return "exit kick";
  case Kind::Failure: return fmt::format("exit failure: {}", exit.failure);
  }
  return "exit";
}

} // namespace

void EventTracer::line(std::uint64_t at_ns, std::uint32_t tid, std::string_view text) {
  output_.write(fmt::format("[{:4}.{:06}] {} {}\n", at_ns / 1'000'000'000, at_ns / 1000 % 1'000'000, tid, text));
}

EventTracer::EventTracer(TraceChoice choice, Output &output, Output *allocations)
    : choice_(choice), output_(output), allocations_(allocations) {
  if (allocations_ != nullptr) allocations_->write(AllocationRecorder::first_line());
}

void EventTracer::record(std::uint32_t pid, std::string_view name, const std::array<std::uint64_t, 6> &args,
                         bool replaced, std::int64_t result) {
  const std::string lines = replaced ? recorder_.forget(pid) : recorder_.call(pid, name, args, result);
  if (!lines.empty()) allocations_->write(lines);
}

void EventTracer::syscall(const kernel::Task &task, unsigned number, const kernel::SyscallEntry *entry,
                          const std::array<std::uint64_t, 6> &args, bool returns, std::int64_t result,
                          std::uint64_t begin_ns, std::uint64_t end_ns) {
  CompletedCall call;
  std::string unnamed;
  if (entry != nullptr) {
    call.name = entry->name;
    call.arguments = entry->arguments;
  } else {
    call.name = kernel::syscall_name(number);
    call.arguments = "xxxxxx";
    if (call.name == "?" || call.name.empty()) call.name = unnamed = fmt::format("syscall_{}", number);
  }
  call.args = args;
  call.returns = returns;
  call.result = result;
  // A call that succeeds does not return into the program that made it; it is written as strace does.
  const bool replaced = (call.name == "execve" || call.name == "execveat") && !returns;
  if (replaced) {
    call.executed = task.process().image.executable;
    call.returns = true;
  }

  const auto space = task.process().space;
  std::string text;
  if (choice_.syscalls && space) {
    SpaceReader memory(*space);
    text = call_text(call, memory);
    if (call.returns)
      text += fmt::format(" <{}.{:06}>", (end_ns - begin_ns) / 1'000'000'000, (end_ns - begin_ns) / 1000 % 1'000'000);
  }
  const LockGuard guard(mutex_);
  if (!text.empty()) line(begin_ns, task.tid(), text);
  if (allocations_ != nullptr && (call.returns || call.name == "exit_group"))
    record(task.process().pid(), call.name, args, replaced, result);
  if (!choice_.malloc || !call.returns) return;
  if (replaced)
    malloc_.forget(task.process().pid());
  else if (const auto event = malloc_.call(task.process().pid(), call.name, args, result))
    line(end_ns, task.tid(), *event);
}

void EventTracer::fault(const kernel::Task &task, Gva address, Access access, const fault::Outcome &outcome,
                        std::uint64_t begin_ns, std::uint64_t end_ns) {
  const LockGuard guard(mutex_);
  if (choice_.faults)
    line(begin_ns, task.tid(),
         fmt::format("fault {} {} {:#x} {} page{} {}", fault::name(outcome.which), name_of(access), address.value(),
                     outcome.pages, outcome.pages == 1 ? "" : "s", human_time(end_ns - begin_ns)));
  if (!choice_.malloc || !outcome.resolved()) return;
  if (const auto event = malloc_.touch(task.process().pid(), address, outcome.pages, outcome.around))
    line(end_ns, task.tid(), *event);
}

void EventTracer::exit(const kernel::Task &task, const kernel::VmExit &exit, std::uint64_t at_ns) {
  const std::string text = exit_text(exit, task) + fmt::format(" after {} in the guest", human_time(exit.guest_ns));
  const LockGuard guard(mutex_);
  line(at_ns, task.tid(), text);
}

void EventTracer::signal(const kernel::Task &task, int signal, bool handled, std::uint64_t at_ns) {
  if (!choice_.syscalls) return;
  const char *name = ::sigabbrev_np(signal);
  const LockGuard guard(mutex_);
  line(at_ns, task.tid(),
       fmt::format("--- SIG{} ({}) ---", name != nullptr ? name : std::to_string(signal),
                   handled ? "handled" : "default action"));
}

void EventTracer::finish() {
  if (!choice_.malloc) return;
  const LockGuard guard(mutex_);
  output_.write(malloc_.summary());
}

} // namespace pagoda::tools
