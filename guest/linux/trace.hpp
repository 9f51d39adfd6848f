// Events for `--trace`: the kernel reports, the command line prints. A null tracer costs one branch.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "guest/linux/cpu.hpp"
#include "mmu/fault/fault.hpp"

namespace pagoda::kernel {

struct SyscallEntry; // syscall/table.hpp
class Task;

class Tracer {
public:
  virtual ~Tracer() = default;
  // A system call completed (or does not return: `returns` false). Times are ns since the run began.
  virtual void syscall(const Task &task, unsigned number, const SyscallEntry *entry,
                       const std::array<std::uint64_t, 6> &args, bool returns, std::int64_t result,
                       std::uint64_t begin_ns, std::uint64_t end_ns) = 0;
  virtual void fault(const Task &task, Gva address, Access access, const fault::Outcome &outcome,
                     std::uint64_t begin_ns, std::uint64_t end_ns) = 0;
  virtual void exit(const Task &task, const VmExit &exit, std::uint64_t at_ns) = 0;
  virtual void signal(const Task &task, int signal, bool handled, std::uint64_t at_ns) = 0;
  [[nodiscard]] virtual bool wants_exits() const = 0;
  [[nodiscard]] virtual bool wants_faults() const = 0;
  [[nodiscard]] virtual bool wants_syscalls() const = 0;
};

} // namespace pagoda::kernel
