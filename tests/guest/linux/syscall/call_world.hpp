// A kernel without a processor: one process whose system calls are made by hand, on real memory.
#pragma once

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/identity/limits.hpp"
#include "guest/linux/syscall/table.hpp"
#include "mmu/fault/guest_memory.hpp"
#include "mmu/space/task_policy.hpp"
#include "tests/support/limited_memory.hpp"
#include "tests/support/recording_carrier.hpp"

namespace pagoda::test {

class CallWorld : public ::testing::Test {
protected:
  static constexpr std::uint64_t kBytes = 64ull << 20;
  static constexpr Gva kScratch{0x20000000}; // 16 pages that every test may use for arguments

  CallWorld() : CallWorld(phys::Topology::without_reserves(kBytes)) {}
  explicit CallWorld(const phys::Topology &topology) : memory(topology), invalidator(carrier, *memory) {
    space::set_task_policy({}); // this thread is the task's
    auto mounts = kernel::MountTable::create({});
    EXPECT_TRUE(mounts) << mounts.error();
    kernel = std::make_unique<kernel::Kernel>(kernel::Platform{*memory, invalidator, {}, {}, {}, 2'000'000},
                                              std::move(*mounts), kernel::KernelOptions{});
    process = add_process(1, 0);
    task = process->tasks.front().get();
    space = process->space.get();
    space::MapRequest scratch;
    scratch.length = 16 * kPageSize;
    scratch.hint = kScratch;
    scratch.placement = space::MapRequest::Placement::Fixed;
    scratch.area.prot = Prot::Read | Prot::Write;
    EXPECT_TRUE(space->map(scratch));
  }

  kernel::Process *add_process(std::uint32_t pid, std::uint32_t parent) {
    auto made = std::make_unique<kernel::Process>(pid, parent);
    made->space = *space::Space::create(*memory, invalidator, {}, pid);
    made->fds = std::make_shared<kernel::FdTable>();
    made->fs = std::make_shared<kernel::FsContext>("/", 022);
    made->actions = std::make_shared<kernel::SignalActions>();
    made->limits = kernel::default_limits(kBytes);
    made->tasks.push_back(std::make_unique<kernel::Task>(*made, pid));
    made->tasks.front()->name = "test";
    made->live_tasks = 1;
    kernel::Process *result = made.get();
    const LockGuard guard(kernel->mutex);
    const kernel::Process *creator = kernel->find_process(parent);
    made->group = creator != nullptr ? creator->group : pid;
    made->session = creator != nullptr ? creator->session : pid;
    kernel->processes.emplace(pid, std::move(made));
    return result;
  }

  // What rax would hold.
  template <class... Args> std::int64_t call(unsigned number, Args... args) {
    return call_as(*process, number, args...);
  }
  template <class... Args> std::int64_t call_as(kernel::Process &caller, unsigned number, Args... args) {
    const kernel::SyscallEntry *entry = kernel::find_syscall(number);
    if (entry == nullptr) return -ENOSYS;
    std::unique_ptr<kernel::CallState> state;
    kernel::Call made{*kernel, caller, caller.leader(), number, {raw(args)...}, kernel::Wake::None, state};
    kernel::SysResult result = entry->handler(made);
    parked = result.kind() == kernel::SysResult::Kind::Park;
    return result.value();
  }

  template <class T> T read(Gva at) {
    T value{};
    EXPECT_TRUE(fault::read_value(*space, at, value)) << std::hex << at.value();
    return value;
  }
  template <class T> Gva put(const T &value, std::uint64_t offset = 0) {
    EXPECT_TRUE(fault::write_value(*space, kScratch + offset, value));
    return kScratch + offset;
  }

  LimitedMemory memory;
  RecordingCarrier carrier;
  tlb::Invalidator invalidator;
  std::unique_ptr<kernel::Kernel> kernel;
  kernel::Process *process = nullptr;
  kernel::Task *task = nullptr;
  space::Space *space = nullptr;
  bool parked = false;

private:
  static std::uint64_t raw(Gva at) { return at.value(); }
  template <class T> static std::uint64_t raw(T value) { return std::uint64_t(std::int64_t(value)); }
};

} // namespace pagoda::test
