// `--record-allocations`: the memory that programs ask their kernel for, as a trace that `pagoda measure
// alloc` replays (tools/measure/allocation_trace.hpp).
//
// An allocation is an anonymous private mapping or a growth of the break; it ends when it is unmapped,
// its process ends or becomes another program. Where only a part is unmapped, the parts that stay are
// allocations of their own from there on. A child of fork begins with none: its pages are its parent's
// until they are written to.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "mmu/base/address.hpp"

namespace pagoda::tools {

class AllocationRecorder {
public:
  // The lines of a system call that returned; often none. Arguments and result are the guest's.
  [[nodiscard]] std::string call(std::uint32_t pid, std::string_view name, const std::array<std::uint64_t, 6> &args,
                                 std::int64_t result);
  // Of a process that has ended or become another program.
  [[nodiscard]] std::string forget(std::uint32_t pid);
  [[nodiscard]] static std::string first_line();

private:
  struct Area {
    Gva end{};
    std::uint64_t number = 0;
  };
  struct Process {
    Gva break_end{};
    std::map<Gva, Area> areas; // by their begin; apart from each other
  };
  [[nodiscard]] std::string begin(Process &process, GvaRange range);
  [[nodiscard]] std::string cut(Process &process, GvaRange range);
  [[nodiscard]] std::string move_break(Process &process, Gva to);

  std::map<std::uint32_t, Process> processes_;
  std::uint64_t next_ = 0;
};

} // namespace pagoda::tools
