#include "guest/linux/signal/frame.hpp"

#include "guest/linux/signal/frame_layout.hpp"
#include "guest/linux/signal/xstate.hpp"
#include "mmu/fault/guest_memory.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::uint32_t kStackOn = 1;                 // SS_ONSTACK
constexpr std::uint32_t kStackDisable = 2;            // SS_DISABLE
constexpr std::uint32_t kStackAutodisarm = 1u << 31;  // SS_AUTODISARM
constexpr std::uint64_t kActionRestorer = 0x04000000; // SA_RESTORER
constexpr std::uint64_t kXstateAlignment = 64;
constexpr std::uint64_t kStackAlignment = 16;

constexpr std::uint64_t kFlagTrap = 1u << 8;
constexpr std::uint64_t kFlagInterrupts = 1u << 9;
constexpr std::uint64_t kFlagDirection = 1u << 10;
constexpr std::uint64_t kFlagResume = 1u << 16;
constexpr std::uint64_t kFlagsAlways = 2;
// CF PF AF ZF SF TF DF OF RF AC: what a program may set through its frame.
constexpr std::uint64_t kFlagsOfUser = 0x00050dd5;

Cpu &cpu_of(Kernel &kernel, const Task &task) { return *kernel.platform().cpus[std::size_t(task.cpu)]; }

SignalStack describe(const AlternateStack &stack, std::uint64_t rsp) {
  std::uint32_t flags = stack.flags;
  if (stack.size != 0 && on_alternate_stack(stack, rsp)) flags |= kStackOn;
  return {stack.base, std::int32_t(flags), 0, stack.size};
}

SignalContext save_registers(const Registers &r, const Task::Trap &trap, SignalSet mask) {
  SignalContext c{};
  c.r8 = r.r8, c.r9 = r.r9, c.r10 = r.r10, c.r11 = r.r11, c.r12 = r.r12, c.r13 = r.r13, c.r14 = r.r14, c.r15 = r.r15;
  c.rdi = r.rdi, c.rsi = r.rsi, c.rbp = r.rbp, c.rbx = r.rbx, c.rdx = r.rdx, c.rax = r.rax, c.rcx = r.rcx;
  c.rsp = r.rsp, c.rip = r.rip, c.rflags = r.rflags;
  c.cs = kUserCs, c.ss = kUserSs;
  c.error = trap.error, c.trap = trap.number, c.cr2 = trap.address;
  c.old_mask = mask;
  return c;
}

void restore_registers(Registers &r, const SignalContext &c) {
  r.r8 = c.r8, r.r9 = c.r9, r.r10 = c.r10, r.r11 = c.r11, r.r12 = c.r12, r.r13 = c.r13, r.r14 = c.r14, r.r15 = c.r15;
  r.rdi = c.rdi, r.rsi = c.rsi, r.rbp = c.rbp, r.rbx = c.rbx, r.rdx = c.rdx, r.rax = c.rax, r.rcx = c.rcx;
  r.rsp = c.rsp, r.rip = c.rip;
  r.rflags = (c.rflags & kFlagsOfUser) | kFlagInterrupts | kFlagsAlways;
}

// Where the frame's pieces go. Unsigned arithmetic may wrap for a hostile rsp; the copies then fail.
struct Placement {
  Gva xstate;
  Gva frame;
};

std::optional<Placement> place(const Task &task, const SignalAction &action, std::uint64_t xstate_bytes) {
  const AlternateStack &alternate = task.signals.alternate;
  const bool nested = on_alternate_stack(alternate, task.registers.rsp);
  const bool enter = (action.flags & SA_ONSTACK) != 0 && (alternate.flags & kStackDisable) == 0 && alternate.size != 0;
  const bool switching = enter && !nested;
  std::uint64_t top = switching ? alternate.base + alternate.size : task.registers.rsp - kRedZone;
  top -= xstate_bytes;
  top &= ~(kXstateAlignment - 1);
  std::uint64_t frame = top - sizeof(SignalFrame);
  // As after a call: (rsp + 8) is a multiple of 16 at the handler's entry.
  frame = (frame & ~(kStackAlignment - 1)) - sizeof(std::uint64_t);
  // An alternate stack that is too small must not be overrun silently.
  const bool overflows = (switching || nested) && (frame < alternate.base || frame >= alternate.base + alternate.size);
  if (overflows) return std::nullopt;
  return Placement{Gva(top), Gva(frame)};
}

bool write_frame(Kernel &kernel, Task &task, const Placement &at, const SignalInfo &info, const SignalAction &action,
                 SignalSet saved_mask) {
  space::Space &space = *task.process().space;
  const auto image = xstate_to_frame(sync_fpu(kernel, task), cpu_of(kernel, task).xsave_size());
  if (fault::copy_out(space, at.xstate, image) != image.size()) return false;
  SignalFrame frame{};
  frame.return_address = action.restorer;
  frame.context.flags = kContextHasXstate | kContextHasSs | kContextStrictSs;
  frame.context.stack = describe(task.signals.alternate, task.registers.rsp);
  frame.context.state = save_registers(task.registers, task.trap, saved_mask);
  frame.context.state.fpstate = at.xstate.value();
  frame.context.mask = saved_mask;
  frame.info = info;
  return fault::write_value(space, at.frame, frame);
}

} // namespace

bool on_alternate_stack(const AlternateStack &stack, std::uint64_t rsp) {
  if ((stack.flags & kStackAutodisarm) != 0) return false; // disarmed as long as it is in use
  return rsp > stack.base && rsp - stack.base <= stack.size;
}

FpuState &sync_fpu(Kernel &kernel, Task &task) {
  if (task.fpu_on_cpu) cpu_of(kernel, task).save_fpu(*task.fpu);
  return *task.fpu;
}

void fpu_changed(Kernel &kernel, Task &task) {
  LockGuard guard(kernel.mutex);
  task.fpu_on_cpu = false;
}

bool enter_handler(Kernel &kernel, Task &task, const SignalInfo &info, const SignalAction &action,
                   SignalSet saved_mask) {
  if ((action.flags & kActionRestorer) == 0) return false;     // x86-64 has no other way back
  if (action.handler >= space::kUserEnd.value()) return false; // the processor refuses a non-canonical rip
  Cpu &cpu = cpu_of(kernel, task);
  const auto at = place(task, action, xstate_frame_size(cpu.xsave_size()));
  if (!at || !write_frame(kernel, task, *at, info, action, saved_mask)) return false;
  if ((task.signals.alternate.flags & kStackAutodisarm) != 0) task.signals.alternate = AlternateStack{};
  Registers &r = task.registers;
  r.rdi = std::uint64_t(info.si_signo);
  r.rsi = at->frame.value() + offsetof(SignalFrame, info);
  r.rdx = at->frame.value() + offsetof(SignalFrame, context);
  r.rax = 0;
  r.rsp = at->frame.value();
  r.rip = action.handler;
  r.rflags &= ~(kFlagDirection | kFlagResume | kFlagTrap);
  *task.fpu = cpu.initial_fpu(); // a handler starts with the state that the ABI promises a function
  fpu_changed(kernel, task);
  return true;
}

std::optional<SignalSet> leave_handler(Kernel &kernel, Task &task) {
  // The restorer was reached by `ret`, which took the return address off.
  const Gva frame_at(task.registers.rsp - sizeof(std::uint64_t));
  space::Space &space = *task.process().space;
  SignalFrame frame{};
  if (!fault::read_value(space, frame_at, frame)) return std::nullopt;
  Cpu &cpu = cpu_of(kernel, task);
  const SignalContext &context = frame.context.state;
  // The processor would refuse to go on at a non-canonical address.
  if (context.rip >= space::kUserEnd.value()) return std::nullopt;
  auto state = std::make_unique<FpuState>();
  if (!xstate_from_frame(space, Gva(context.fpstate), cpu.xsave_size(), cpu.initial_fpu(), *state)) return std::nullopt;
  *task.fpu = *state;
  fpu_changed(kernel, task);
  restore_registers(task.registers, context);
  const SignalStack &stack = frame.context.stack;
  if ((std::uint32_t(stack.flags) & kStackAutodisarm) != 0) {
    task.signals.alternate = {stack.base, stack.size, std::uint32_t(stack.flags) & ~kStackOn};
  }
  return frame.context.mask;
}

} // namespace pagoda::kernel
