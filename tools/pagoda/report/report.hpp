// What one run did, as plain numbers taken when it has ended, or while it goes on, and its two forms: a
// screen of text and a JSON object with stable keys.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "guest/linux/kernel.hpp"

namespace pagoda::tools {

struct NamedCount {
  std::string name;
  std::uint64_t count = 0;
  bool operator==(const NamedCount &) const = default;
};

struct RunReport {
  std::string program;
  std::string host_kind; // pvm, ept, npt, shadow
  bool running = false;  // it goes on: there is no exit code yet
  int exit_code = 0;
  unsigned cpus = 1;
  unsigned nodes = 1;       // of memory
  std::string node_binding; // to the host's, in words

  std::uint64_t wall_ns = 0, setup_ns = 0; // setup: until the first guest instruction may run
  std::uint64_t guest_ns = 0, host_ns = 0; // sums over all vCPUs

  std::vector<NamedCount> exits;      // by cause, zeros left out
  std::vector<NamedCount> exceptions; // by vector, page faults left out
  std::vector<NamedCount> faults;     // by fault case
  std::uint64_t fault_pages = 0, host_faults = 0;

  std::uint64_t memory_bytes = 0;
  std::uint64_t peak_virtual_pages = 0, peak_resident_pages = 0, peak_file_pages = 0, peak_table_pages = 0;
  std::uint64_t frames_managed = 0, frames_free = 0, frame_allocations = 0, frame_frees = 0, frame_failures = 0;
  std::vector<std::uint64_t> free_blocks; // of order 0, 1, …
  std::uint64_t flush_batches = 0, flush_leaves = 0, flush_full = 0, quarantined_tables = 0;

  std::vector<NamedCount> syscalls; // most frequent first
  std::vector<NamedCount> unknown;  // answered with ENOSYS
  std::uint64_t syscall_total = 0;
  std::uint64_t processes = 0, threads = 0, signals = 0, context_switches = 0, preemptions = 0;
};

// Reads the kernel's counters; program, times and exit code are the caller's to fill in.
[[nodiscard]] RunReport collect(kernel::Kernel &kernel);
// Greatest values of the address spaces that live; `collect` has those that are gone.
void collect_spaces(kernel::Kernel &kernel, RunReport &report);
// The part of it that comes from counters alone; tests fill those by hand.
void collect_statistics(const kernel::Statistics &statistics, RunReport &report);
void collect_memory(const phys::Counters &frames, const tlb::FlushCounters &flushes, RunReport &report);

[[nodiscard]] std::string report_text(const RunReport &report);
[[nodiscard]] std::string report_json(const RunReport &report);

} // namespace pagoda::tools
