#include "guest/linux/syscall/system/usage.hpp"

#include <algorithm>

#include "guest/linux/syscall/time/cpu_time.hpp"
#include "guest/linux/syscall/time/timespec.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/space/vmalloc.hpp"

namespace pagoda::kernel {

namespace {

void set_times(rusage &usage, const CpuTime &time) {
  usage.ru_utime = to_timeval(Nanoseconds(time.user_ns));
  usage.ru_stime = to_timeval(Nanoseconds(time.system_ns));
}

void add_events(rusage &usage, const Task &task) {
  usage.ru_minflt += long(task.minor_faults);
  usage.ru_majflt += long(task.major_faults);
  usage.ru_nvcsw += long(task.voluntary_switches);
  usage.ru_nivcsw += long(task.involuntary_switches);
}

long peak_kilobytes(const Process &process) {
  const std::uint64_t now = process.space ? process.space->usage().peak_resident << (kPageShift - 10) : 0;
  return long(std::max(now, process.peak_resident_kib)); // before an execve it may have been larger
}

constexpr std::uint64_t bytes(std::uint64_t pages) { return pages << kPageShift; }

// HIGHMEM, and of MOVABLE what lies above the direct map. Counted one after the other while others go on:
// never more than there is.
void add_high(MemoryFigures &figures, const phys::PhysicalMemory &memory) {
  figures.has_high = true;
  for (const phys::ZoneFigures &zone : memory.figures().zones) {
    if (zone.type == phys::ZoneType::Device || zone.start.gpa() < phys::kDirectMapEnd) continue;
    figures.high_total += bytes(zone.managed);
    figures.high_free += bytes(zone.free + zone.per_cpu_frames);
  }
  figures.high_free = std::min(figures.high_free, figures.free);
}

} // namespace

std::set<std::shared_ptr<space::Space>> all_spaces(Kernel &kernel) {
  const LockGuard guard(kernel.mutex);
  std::set<std::shared_ptr<space::Space>> spaces;
  for (const auto &[pid, process] : kernel.processes)
    if (process->space) spaces.insert(process->space);
  return spaces;
}

rusage usage_of(const Task &task) {
  rusage usage{};
  set_times(usage, cpu_time(task));
  add_events(usage, task);
  usage.ru_maxrss = peak_kilobytes(task.process());
  return usage;
}

rusage usage_of(const Process &process) {
  rusage usage{};
  set_times(usage, cpu_time(process));
  usage.ru_minflt = long(process.dead_minor_faults);
  usage.ru_majflt = long(process.dead_major_faults);
  for (const auto &task : process.tasks) add_events(usage, *task);
  usage.ru_maxrss = std::max(peak_kilobytes(process), long(process.peak_resident_kib));
  return usage;
}

MemoryFigures memory_figures(Kernel &kernel) {
  const phys::Counters counters = kernel.platform().memory.counters();
  const auto of_kind = [&](phys::FrameKind kind) { return bytes(counters.by_kind[std::size_t(kind)]); };
  MemoryFigures figures;
  figures.total = bytes(counters.managed);
  figures.free = bytes(counters.free - std::min(counters.free, counters.kernel_charge));
  const phys::PhysicalMemory &memory = kernel.platform().memory;
  if (memory.topology().layout == phys::LayoutKind::Split32) add_high(figures, memory);
  figures.anonymous = of_kind(phys::FrameKind::Anonymous);
  figures.file = of_kind(phys::FrameKind::File);
  figures.page_tables = of_kind(phys::FrameKind::Table);
  if (const phys::SlabRegistry *slabs = kernel.platform().slabs; slabs != nullptr) {
    const phys::SlabTotals totals = slabs->totals();
    figures.slab_reclaimable = bytes(totals.reclaimable);
    figures.slab_unreclaimable = bytes(totals.unreclaimable);
  }
  if (const space::Vmalloc *vmalloc = kernel.platform().vmalloc; vmalloc != nullptr) {
    figures.vmalloc_total = vmalloc->total_bytes();
    figures.vmalloc_used = vmalloc->used_bytes();
  }
  figures.mapped_limit = figures.total / 2; // overcommit_ratio 50, no swap

  std::set<const space::SharedObject *> objects;
  for (const auto &space : all_spaces(kernel)) {
    for (const space::Vma &area : space->areas()) {
      if (area.object && !area.file && objects.insert(area.object.get()).second)
        figures.shared += bytes(area.object->resident_pages());
      if (!area.shared && has(area.prot, Prot::Write) && !area.no_reserve) figures.committed += area.range.length();
    }
  }
  return figures;
}

} // namespace pagoda::kernel
