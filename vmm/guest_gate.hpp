// The handshake between a vCPU thread and those who want it out of the guest: a kick by the kernel,
// or a carrier whose flush must have happened before the next guest instruction.
//
// The kick signal is blocked in the vCPU thread except inside KVM_RUN, so it interrupts nothing
// else, and one that comes a moment too early makes the next KVM_RUN return at once: no kick is
// lost between a check and the entry. Requests are set before the signal is sent and read after it
// has been consumed; every access is sequentially consistent.
#pragma once

#include <atomic>
#include <cstdint>

#include <sys/types.h>

#include "mmu/base/address.hpp"

namespace pagoda::vmm {

class GuestGate {
public:
  // The vCPU thread, once: blocks the signal there. The mask that must hold inside KVM_RUN.
  std::uint64_t adopt_current_thread();

  // The vCPU thread, before KVM_RUN. `root` is what CR3 will hold.
  struct Entry {
    bool kicked = false; // do not enter: report
    bool flush = false;  // the guest's TLB must be flushed on the way in
  };
  Entry open(Gfn root);
  // The vCPU thread, after KVM_RUN.
  void close();
  // The vCPU thread, when KVM_RUN was interrupted: takes the signal off the queue.
  void consume_signal();

  // Any thread. The next open() says kicked, soon.
  void kick();
  // Any thread. Returns when no guest instruction runs with translations made before the call:
  // those of `root`, or all.
  void flush(Gfn root);
  void flush_all();

private:
  void interrupt();
  void flush_now();

  std::atomic<bool> in_guest_{false};
  std::atomic<bool> kick_pending_{false};
  std::atomic<bool> signalled_{false};
  std::atomic<std::uint32_t> departures_{0};
  std::atomic<std::uint64_t> flush_wanted_{0};
  std::atomic<std::uint64_t> root_{~0ull};
  std::atomic<pid_t> thread_{0};
  std::uint64_t flush_done_ = 0; // the vCPU thread's own
};

} // namespace pagoda::vmm
