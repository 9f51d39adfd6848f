#include "guest/linux/syscall/memory/populate.hpp"

#include <algorithm>

#include "guest/linux/syscall/long_call.hpp"

namespace pagoda::kernel {

namespace {

constexpr std::uint64_t kLookUpEvery = 256 * kPageSize; // for a signal that ends the task

} // namespace

fault::Outcome fault_in(const Call &call, Gva at, Access access) {
  Kernel &kernel = call.kernel;
  Tracer *tracer = kernel.options().tracer;
  const std::uint64_t begin = tracer != nullptr ? kernel.now_ns() : 0;
  const fault::Outcome outcome = fault::resolve(*call.process.space, at, access);
  ++kernel.statistics().host_faults;
  kernel.statistics().fault_pages += outcome.pages;
  if (tracer != nullptr && tracer->wants_faults())
    tracer->fault(call.task, at, access, outcome, begin, kernel.now_ns());
  return outcome;
}

fault::Outcome populate(const Call &call, GvaRange range, Access access) {
  space::Space &space = *call.process.space;
  for (Gva at = range.begin; at < range.end; at += kPageSize) {
    if ((at - range.begin) % kLookUpEvery == 0 && is_dying(call)) return {fault::Case::OutOfMemory, 0};
    const auto mapping = space.query(at);
    if (mapping && has(mapping->prot, needed(access))) continue;
    const fault::Outcome outcome = fault_in(call, at, access);
    if (!outcome.resolved()) return outcome;
  }
  return {fault::Case::Spurious, 0};
}

bool populate_by_rights(const Call &call, GvaRange range) {
  bool complete = true;
  for (const space::Vma &area : call.process.space->areas(range)) {
    if (area.fixed_frames) continue;
    const GvaRange part{std::max(area.range.begin, range.begin), std::min(area.range.end, range.end)};
    const bool writes = has(area.prot, Prot::Write) && !area.shared;
    if (!writes && !any(area.prot)) continue;
    const Access access = writes                          ? Access::Write
                          : has(area.prot, Prot::Read)    ? Access::Read
                          : has(area.prot, Prot::Execute) ? Access::Execute
                                                          : Access::Write;
    complete = populate(call, part, access).resolved() && complete;
  }
  return complete;
}

} // namespace pagoda::kernel
