// A kernel over processors that run scripts: a program is a list of instructions in C++, one for
// every two bytes of code, so that `rip -= 2` repeats the system call before it as on hardware.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <sys/syscall.h>
#include <thread>
#include <vector>

#include "guest/linux/kernel.hpp"
#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/syscall/identity/limits.hpp"
#include "mmu/fault/guest_memory.hpp"
#include "tests/support/limited_memory.hpp"
#include "tests/support/recording_carrier.hpp"

namespace pagoda::test {

using kernel::Registers;
using kernel::VmExit;

class ScriptedCpu;
// Nothing: go on with the next instruction; else the exit that it causes.
using Instruction = std::function<std::optional<VmExit>(Registers &, ScriptedCpu &)>;

inline constexpr std::uint64_t kCode = 0x400000;
inline constexpr std::uint64_t kInstructionBytes = 2;

class ScriptedCpu : public kernel::Cpu {
public:
  explicit ScriptedCpu(const std::vector<Instruction> &program) : program_(program) {}

  void adopt_thread() override {}
  VmExit run(Registers &registers, const kernel::RunTarget &target) override {
    running = target;
    const auto begin = std::chrono::steady_clock::now();
    VmExit exit = run_until_exit(registers);
    exit.guest_ns = std::uint64_t((std::chrono::steady_clock::now() - begin).count());
    return exit;
  }
  void kick() override { kicked = true; }
  void save_fpu(kernel::FpuState &out) override { out = fpu; }
  void load_fpu(const kernel::FpuState &in) override { fpu = in; }
  [[nodiscard]] const kernel::FpuState &initial_fpu() const override {
    static const kernel::FpuState initial = [] {
      kernel::FpuState state{};
      state.xsave[0] = std::byte{0x7f}; // FCW 0x37f
      state.xsave[1] = std::byte{0x03};
      state.xsave[24] = std::byte{0x80}; // MXCSR 0x1f80
      state.xsave[25] = std::byte{0x1f};
      return state;
    }();
    return initial;
  }
  [[nodiscard]] std::uint32_t xsave_size() const override { return 576; } // x87 and SSE, with the header

  std::atomic<bool> kicked{false};
  kernel::FpuState fpu{};
  kernel::RunTarget running{};

private:
  static VmExit exit_of(VmExit::Kind kind) {
    VmExit exit;
    exit.kind = kind;
    return exit;
  }
  VmExit run_until_exit(Registers &registers) {
    for (;;) {
      if (kicked.exchange(false)) return exit_of(VmExit::Kind::Kicked);
      const std::uint64_t index = (registers.rip - kCode) / kInstructionBytes;
      if (registers.rip < kCode || index >= program_.size()) {
        VmExit failure = exit_of(VmExit::Kind::Failure);
        failure.failure = "the script has no such instruction";
        return failure;
      }
      if (auto exit = program_[index](registers, *this)) return *exit;
    }
  }
  const std::vector<Instruction> &program_;
};

// Writes a program: each method adds an instruction and returns its address.
class Script {
public:
  std::vector<Instruction> instructions;

  [[nodiscard]] std::uint64_t here() const { return kCode + instructions.size() * kInstructionBytes; }
  std::uint64_t add(Instruction instruction) {
    const std::uint64_t at = here();
    instructions.push_back(std::move(instruction));
    return at;
  }
  // Any host code; the program goes on behind it unless it moved rip.
  template <class F> std::uint64_t run(F &&body) {
    return add([body](Registers &r, ScriptedCpu &cpu) -> std::optional<VmExit> {
      const std::uint64_t rip = r.rip;
      body(r, cpu);
      if (r.rip == rip) r.rip += kInstructionBytes;
      return std::nullopt;
    });
  }
  template <class... Args> std::uint64_t call(unsigned number, Args... args) {
    const std::array<std::uint64_t, 6> values{std::uint64_t(args)...};
    return add([number, values](Registers &r, ScriptedCpu &) -> std::optional<VmExit> {
      r.rax = number;
      r.rdi = values[0], r.rsi = values[1], r.rdx = values[2], r.r10 = values[3], r.r8 = values[4], r.r9 = values[5];
      r.rip += kInstructionBytes;
      VmExit exit;
      exit.kind = VmExit::Kind::SystemCall;
      return exit;
    });
  }
  std::uint64_t jump(std::uint64_t to) {
    return run([to](Registers &r, ScriptedCpu &) { r.rip = to; });
  }
  // To a place that is known only later.
  std::uint64_t jump_if_zero(const std::uint64_t &to) {
    return run([&to](Registers &r, ScriptedCpu &) { r.rip = r.rax == 0 ? to : r.rip + kInstructionBytes; });
  }
  // Stores the result of the call before.
  std::uint64_t keep(std::int64_t &result) {
    return run([&result](Registers &r, ScriptedCpu &) { result = std::int64_t(r.rax); });
  }
  // Computes until `done` says so; a kick interrupts it between looks.
  template <class Done> std::uint64_t work_until(Done &&done) {
    return add([done](Registers &r, ScriptedCpu &) -> std::optional<VmExit> {
      if (done())
        r.rip += kInstructionBytes;
      else
        std::this_thread::yield();
      return std::nullopt;
    });
  }
};

class ScriptedWorld : public ::testing::Test {
protected:
  static constexpr std::uint64_t kBytes = 64ull << 20;
  static constexpr Gva kData{0x20000000};
  static constexpr std::uint64_t kDataPages = 64;
  static constexpr std::uint64_t kStackTop = 0x20000000 + kDataPages * kPageSize;

  ScriptedWorld() : memory(kBytes), invalidator(carrier, *memory) {}

  void boot(unsigned cpus, kernel::KernelOptions options = {}) {
    std::vector<kernel::Cpu *> pointers;
    for (unsigned i = 0; i < cpus; ++i) {
      processors.push_back(std::make_unique<ScriptedCpu>(script.instructions));
      pointers.push_back(processors.back().get());
    }
    kernel = std::make_unique<kernel::Kernel>(kernel::Platform{*memory, invalidator, {}, pointers, {}, 2'000'000},
                                              nullptr, std::move(options));
    auto init = std::make_unique<kernel::Process>(1, 0);
    init->space = *space::Space::create(*memory, invalidator, {}, 1);
    init->fds = std::make_shared<kernel::FdTable>();
    init->fs = std::make_shared<kernel::FsContext>("/", 022);
    init->limits = kernel::default_limits(kBytes);
    auto task = std::make_unique<kernel::Task>(*init, 1);
    task->registers.rip = kCode;
    task->registers.rsp = kStackTop;
    *task->fpu = processors.front()->initial_fpu();
    init->tasks.push_back(std::move(task));
    init->live_tasks = 1;
    space::MapRequest data;
    data.length = kDataPages * kPageSize;
    data.hint = kData;
    data.placement = space::MapRequest::Placement::Fixed;
    data.area.prot = Prot::Read | Prot::Write;
    ASSERT_TRUE(init->space->map(data));
    space = init->space;
    const LockGuard guard(kernel->mutex);
    kernel::Task &first = init->leader();
    kernel->processes.emplace(1, std::move(init));
    kernel->scheduler().enqueue(first);
  }

  // Runs to the end; a run that hangs is ended and reported.
  kernel::RunResult finish(std::chrono::seconds limit = std::chrono::seconds(20)) {
    std::atomic<bool> done{false};
    std::thread watchdog([&] {
      const auto until = std::chrono::steady_clock::now() + limit;
      while (!done && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      if (!done) kernel->kill_all("the test hangs");
    });
    kernel::RunResult result = kernel->run();
    done = true;
    watchdog.join();
    EXPECT_EQ(result.failure, "");
    return result;
  }

  template <class T> T read(Gva at) {
    T value{};
    EXPECT_TRUE(fault::read_value(*space, at, value));
    return value;
  }
  template <class T> void write(Gva at, const T &value) { EXPECT_TRUE(fault::write_value(*space, at, value)); }

  void exit_with(int code) { script.call(SYS_exit_group, code); }
  // A thread that starts at `entry` with a stack of its own; r12 of the child is `tag`.
  void spawn_thread(const std::uint64_t &entry, std::uint64_t stack, std::uint64_t tag = 0) {
    script.run([tag](Registers &r, ScriptedCpu &) { r.r12 = tag; });
    script.call(SYS_clone, kThreadFlags, stack, 0, 0, 0);
    script.jump_if_zero(entry);
  }
  static constexpr std::uint64_t kThreadFlags = 0x50f00; // VM FS FILES SIGHAND THREAD SYSVSEM

  LimitedMemory memory;
  RecordingCarrier carrier;
  tlb::Invalidator invalidator;
  Script script;
  std::vector<std::unique_ptr<ScriptedCpu>> processors;
  std::unique_ptr<kernel::Kernel> kernel;
  std::shared_ptr<space::Space> space;
};

} // namespace pagoda::test
