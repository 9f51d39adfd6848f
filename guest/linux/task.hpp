// A thread of a guest program: registers, signal state, and where it stands with the scheduler.
//
// Guarded by Kernel::mutex unless a comment says "own thread": those are touched only by the vCPU
// thread that currently runs the task (ownership passes through the run queue, which locks).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "guest/linux/cpu.hpp"
#include "guest/linux/sched/wait_queue.hpp"
#include "guest/linux/signal/signal_state.hpp"
#include "guest/linux/syscall/call.hpp"
#include "mmu/phys/slab/in_cache.hpp"
#include "mmu/space/mempolicy.hpp"

namespace pagoda::kernel {

class Process;

enum class TaskState : std::uint8_t {
  Runnable, // in the run queue
  Running,  // on a vCPU
  Parked,   // waits: a system call's WaitFor
  Stopped,  // by SIGSTOP and the like
  Dead,
};

class Task : public phys::InCache {
public:
  Task(Process &process, std::uint32_t tid) : process_(process), tid_(tid) {}
  [[nodiscard]] Process &process() const { return process_; }
  [[nodiscard]] std::uint32_t tid() const { return tid_; }
  // execve by a thread that does not lead: it takes over the leader's tid (Kernel::mutex).
  void take_over_tid(std::uint32_t tid) { tid_ = tid; }

  // own thread
  Registers registers;
  std::unique_ptr<FpuState> fpu = std::make_unique<FpuState>();
  Call *current_call = nullptr;
  std::unique_ptr<CallState> call_state;
  unsigned call_number = 0; // of the parked call
  std::array<std::uint64_t, 6> call_args{};
  bool in_call = false;      // a parked call must be invoked again before user code runs
  bool restart_call = false; // a signal ended a restartable call; how is settled with its delivery
  // The last processor exception, as a signal frame shows it (Linux's thread.trap_nr and so on).
  struct Trap {
    std::uint64_t number = 0, error = 0, address = 0;
  } trap;
  std::uint64_t call_begin_ns = 0;
  Gva clear_child_tid{}; // set_tid_address, CLONE_CHILD_CLEARTID
  Gva robust_list{};
  std::uint64_t robust_list_length = 0;
  Gva rseq{};
  std::string name; // comm, at most 15 bytes

  // Kernel::mutex
  TaskState state = TaskState::Runnable;
  int cpu = -1;                      // index of the vCPU that runs it, or -1
  int last_cpu = -1;                 // that ran it last
  bool fpu_on_cpu = false;           // last_cpu holds newer vector state than `fpu`: only that one may run it
  std::optional<WaitFor> wait;       // what ends the current park
  bool interrupted = false;          // the call ended with -EINTR: a temporary mask stays for the handler
  Wake wake = Wake::None;            // posted to it and not yet seen
  WaitQueue *queue = nullptr;        // that it stands in
  std::uint64_t wait_generation = 0; // tells a late timer or descriptor event from a current one
  TaskSignals signals;
  bool exiting = false; // must die at the next opportunity (exit_group, execve, SIGKILL)
  int exit_code = 0;
  int nice = 0;
  std::uint64_t user_ns = 0; // accounted guest time
  std::uint64_t system_ns = 0;
  std::uint64_t vruntime = 0; // weighted by nice
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t start_ns = 0;     // since the run began
  std::uint64_t affinity = ~0ull; // bit per vCPU
  space::Mempolicy policy;        // of its pages, where their area has none; a copy is task_policy() of its thread
  Task *vfork_parent = nullptr;   // parked until we exec or exit
  bool awaits_vfork = false;      // some child's vfork_parent points here

private:
  Process &process_;
  std::uint32_t tid_;
};

} // namespace pagoda::kernel
