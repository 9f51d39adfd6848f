// A trace through one manager: what it costs, what it wastes and what it refuses.
//
// The same measures for every manager, so that they stand in one table:
//   internal  of the bytes kept for live allocations, the share that nobody asked for
//   external  of the free bytes, the share that no aligned block of 2 MiB can be made of
// Both are means over samples along the trace, weighted by bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/measure/allocation_trace.hpp"

namespace pagoda::measure {

inline constexpr std::uint64_t kUsefulBlock = 2ull << 20; // bytes

// The state of a manager between two operations.
struct Holding {
  std::uint64_t held = 0;     // bytes of the arena that are not free
  std::uint64_t free = 0;     // bytes that are
  std::uint64_t useful = 0;   // of the free ones, those in aligned free blocks of 2 MiB
  std::uint64_t overhead = 0; // bytes of the manager's own books, where they are not in `held`
};

class Manager {
public:
  Manager() = default;
  virtual ~Manager() = default;
  Manager(const Manager &) = delete;
  Manager &operator=(const Manager &) = delete;

  // What `free` wants to be told; nothing when it cannot be had.
  [[nodiscard]] virtual std::optional<std::uint64_t> allocate(std::uint64_t bytes) = 0;
  virtual void free(std::uint64_t handle, std::uint64_t bytes) = 0;
  [[nodiscard]] virtual Holding holding() const = 0;
};

struct ManagerKind {
  std::string name, policy;
  std::function<std::unique_ptr<Manager>(std::uint64_t arena_bytes)> make; // may throw std::bad_alloc
};

struct ReplayFigures {
  std::string name, policy;
  std::uint64_t allocations = 0, frees = 0, failures = 0;
  std::uint64_t peak_requested = 0, peak_held = 0; // bytes
  double internal = 0, external = 0;               // 0 to 1
  double ns_per_operation = 0, spread = 0;
};

// The arena is new for every replay. `rounds` of them are timed, fewer where they take long; the figures
// are of the last.
[[nodiscard]] ReplayFigures replay(const AllocationTrace &trace, const ManagerKind &kind, std::uint64_t arena_bytes,
                                   unsigned rounds = 3);

} // namespace pagoda::measure
