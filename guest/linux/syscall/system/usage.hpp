// Resource usage as getrusage(2) and wait4(2) report it. With Kernel::mutex held.
#pragma once

#include <memory>
#include <set>
#include <sys/resource.h>

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

[[nodiscard]] rusage usage_of(const Task &task);
// All threads, those that ended included; not its children.
[[nodiscard]] rusage usage_of(const Process &process);

// The address spaces of all processes, each once (vfork shares one). Takes Kernel::mutex.
[[nodiscard]] std::set<std::shared_ptr<space::Space>> all_spaces(Kernel &kernel);

// The memory of the guest as sysinfo(2) and /proc/meminfo count it, in bytes.
struct MemoryFigures {
  std::uint64_t total = 0;
  std::uint64_t free = 0;
  // The parts of both that a 32-bit kernel cannot address at all times: nothing with the 64-bit layout.
  bool has_high = false;
  std::uint64_t high_total = 0, high_free = 0;
  std::uint64_t anonymous = 0; // private pages of programs
  std::uint64_t file = 0;      // pages filled from files
  std::uint64_t page_tables = 0;
  std::uint64_t slab_reclaimable = 0, slab_unreclaimable = 0;
  std::uint64_t vmalloc_total = 0, vmalloc_used = 0;
  std::uint64_t shared = 0;       // shared anonymous memory and System V segments that is resident
  std::uint64_t mapped_limit = 0; // what strict accounting would allow (CommitLimit)
  std::uint64_t committed = 0;    // private writable memory that was promised (Committed_AS)
};
// Takes Kernel::mutex.
[[nodiscard]] MemoryFigures memory_figures(Kernel &kernel);

} // namespace pagoda::kernel
