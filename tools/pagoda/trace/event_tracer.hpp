// `--trace`: writes the kernel's events as they happen, one line each.
//
//   [  0.001234] 1 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3 <0.000031>
//   [  0.001301] 1 fault demand-zero write 0x7ffd1000 16 pages 12.3 us
//
// Called from any vCPU thread; a line is written whole.
#pragma once

#include "guest/linux/trace.hpp"
#include "mmu/base/lock.hpp"
#include "tools/pagoda/options/run_options.hpp"
#include "tools/pagoda/session/output.hpp"
#include "tools/pagoda/trace/allocation_recorder.hpp"
#include "tools/pagoda/trace/malloc_watch.hpp"

namespace pagoda::tools {

class EventTracer final : public kernel::Tracer {
public:
  // `allocations`: where --record-allocations goes, or null.
  EventTracer(TraceChoice choice, Output &output, Output *allocations = nullptr);

  void syscall(const kernel::Task &task, unsigned number, const kernel::SyscallEntry *entry,
               const std::array<std::uint64_t, 6> &args, bool returns, std::int64_t result, std::uint64_t begin_ns,
               std::uint64_t end_ns) override;
  void fault(const kernel::Task &task, Gva address, Access access, const fault::Outcome &outcome,
             std::uint64_t begin_ns, std::uint64_t end_ns) override;
  void exit(const kernel::Task &task, const kernel::VmExit &exit, std::uint64_t at_ns) override;
  void signal(const kernel::Task &task, int signal, bool handled, std::uint64_t at_ns) override;
  [[nodiscard]] bool wants_exits() const override { return choice_.exits; }
  [[nodiscard]] bool wants_faults() const override { return choice_.faults || choice_.malloc; }
  [[nodiscard]] bool wants_syscalls() const override { return choice_.syscalls || choice_.malloc || allocations_; }

  void finish(); // the summaries, once, when the run has ended

private:
  void record(std::uint32_t pid, std::string_view name, const std::array<std::uint64_t, 6> &args, bool replaced,
              std::int64_t result) PAGODA_REQUIRES(mutex_);
  void line(std::uint64_t at_ns, std::uint32_t tid, std::string_view text);

  const TraceChoice choice_;
  Output &output_;
  Output *const allocations_;
  Mutex mutex_;
  MallocWatch malloc_ PAGODA_GUARDED_BY(mutex_);
  AllocationRecorder recorder_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::tools
