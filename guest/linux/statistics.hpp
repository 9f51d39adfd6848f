// What happened, counted where it happens: exits by cause, faults by case, system calls by number,
// time in guest and in host. Read by the report, `--stats=json` and /proc. Relaxed atomics: a
// snapshot is not a consistent cut, and need not be.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "guest/linux/cpu.hpp"
#include "mmu/fault/fault.hpp"

namespace pagoda::kernel {

using Counter = std::atomic<std::uint64_t>;

inline constexpr unsigned kSyscallNumbers = 512; // x86-64 numbers; larger ones are unknown
inline constexpr unsigned kCountedCpus = 64;     // vCPUs beyond are counted in the sums alone

struct Statistics {
  std::array<Counter, 5> exits{};              // by VmExit::Kind
  std::array<Counter, fault::kCases> faults{}; // by fault::Case
  Counter fault_pages{};                       // leaves that faults made present
  Counter host_faults{};                       // faults resolved for a system call's pointer
  std::array<Counter, 32> exceptions{};        // by vector
  std::array<Counter, kSyscallNumbers> syscalls{};
  std::array<Counter, kSyscallNumbers> unknown{};   // answered with ENOSYS
  Counter unknown_beyond{};                         // numbers >= kSyscallNumbers
  Counter guest_ns{};                               // inside KVM_RUN, all vCPUs
  Counter host_ns{};                                // handling exits, all vCPUs
  std::array<Counter, kCountedCpus> cpu_guest_ns{}; // the same by vCPU
  std::array<Counter, kCountedCpus> cpu_host_ns{};
  Counter context_switches{};
  Counter preemptions{};
  Counter signals{};
  Counter processes{}; // created, init included
  Counter threads{};

  // Greatest values of any one address space, in 4K pages: by the time the report is printed the
  // spaces are gone. Noted by `note_usage` before a space goes (exit of a process, execve).
  Counter peak_virtual_pages{};
  Counter peak_resident_pages{};
  Counter peak_table_pages{};
  Counter peak_file_pages{}; // resident, from files

  void note_usage(const space::Usage &usage) {
    raise(peak_virtual_pages, usage.peak_virtual > usage.virtual_pages ? usage.peak_virtual : usage.virtual_pages);
    raise(peak_resident_pages, usage.peak_resident > usage.resident_pages ? usage.peak_resident : usage.resident_pages);
    raise(peak_table_pages, usage.table_pages);
    raise(peak_file_pages, usage.resident_file);
  }

private:
  static void raise(Counter &peak, std::uint64_t value) {
    auto seen = peak.load(std::memory_order_relaxed);
    while (seen < value && !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {}
  }
};

} // namespace pagoda::kernel
