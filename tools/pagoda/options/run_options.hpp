// What `pagoda run` was asked to do, as plain values: nothing of the parser is left in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest/linux/fs/mount_table.hpp"
#include "mmu/phys/slab/spec.hpp"
#include "mmu/phys/topology.hpp"
#include "vmm/persistent_memory.hpp"

namespace pagoda::tools {

enum class BackingChoice : std::uint8_t { Anonymous, Memfd };
enum class StatsFormat : std::uint8_t { None, Text, Json };

struct TraceChoice {
  bool exits = false, faults = false, syscalls = false, malloc = false;
  [[nodiscard]] bool any() const { return exits || faults || syscalls || malloc; }
  bool operator==(const TraceChoice &) const = default;
};

inline constexpr std::uint64_t kDefaultMemory = 1ull << 30;
inline constexpr std::uint64_t kMinimumMemory = 1ull << 20;
inline constexpr std::uint64_t kMaximumMemory = 1ull << 40;
inline constexpr unsigned kMaximumCpus = 64;

struct RunOptions {
  std::string name;                      // of the VM for `ps`, `stat` and the like; empty: its process id
  std::uint64_t memory = kDefaultMemory; // bytes
  unsigned cpus = 1;
  phys::Topology topology = phys::Topology::uma(kDefaultMemory); // the same memory and CPUs, as nodes
  phys::SlabPolicy slab = phys::SlabPolicy::Slub;                // of the kernel's own caches
  std::optional<std::chrono::nanoseconds> timeout;
  std::optional<vmm::PersistentMemoryConfig> pmem;
  kernel::MountOptions mounts;
  std::string working_directory; // guest path; empty: the host's own when it is visible, else /
  std::vector<std::string> environment;
  bool clean_environment = false;
  bool network_host = false;
  std::uint64_t seed = 0;
  BackingChoice backing = BackingChoice::Anonymous;
  StatsFormat stats = StatsFormat::None;
  std::string stats_file; // empty: standard error
  TraceChoice trace;
  std::string trace_file;                        // empty: standard error
  std::string record_memory, record_allocations; // files; empty: not wanted
  std::string program;                           // as typed
  std::string program_path;                      // its guest path, where that does not follow from `program`
  std::vector<std::string> arguments;            // of the program, without its name
};

// The options as strings, exactly as typed; CLI11 fills it.
struct RunArguments {
  std::string name;
  std::string memory, timeout, root = "/", working_directory, net = "none", backing = "anonymous", stats, stats_file,
                               trace, trace_file, record_memory, record_allocations;
  std::string cpus, seed, nodes, movable, layout = "64", pmem, slab = "slub";
  std::vector<std::string> binds, environment;
  bool clean_environment = false;
  std::vector<std::string> command; // PROGRAM and its arguments
};

// Checks every value. The error is one sentence that names the option and the fix.
[[nodiscard]] std::expected<RunOptions, std::string> check(const RunArguments &arguments);

// SRC:DST[:rw]; a colon inside a path is written "\:".
[[nodiscard]] std::expected<kernel::MountOptions::Bind, std::string> parse_bind(std::string_view text);
// FILE[:SIZE]; a colon inside the name is written "\:".
[[nodiscard]] std::expected<vmm::PersistentMemoryConfig, std::string> parse_pmem(std::string_view text);
// A comma-separated list of exits, faults, syscalls, malloc.
[[nodiscard]] std::expected<TraceChoice, std::string> parse_trace(std::string_view text);

} // namespace pagoda::tools
