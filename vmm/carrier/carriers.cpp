#include "vmm/carrier/carriers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace pagoda::vmm {

std::vector<GfnRange> joined_ranges(std::span<const table::StaleLeaf> stale) {
  std::vector<GfnRange> ranges;
  ranges.reserve(stale.size());
  for (const auto &leaf : stale) ranges.push_back({leaf.old_frame, leaf.old_frame + leaf.frames});
  std::ranges::sort(ranges, {}, &GfnRange::begin);
  std::size_t kept = 0;
  for (const GfnRange &range : ranges) {
    if (kept > 0 && range.begin <= ranges[kept - 1].end)
      ranges[kept - 1].end = std::max(ranges[kept - 1].end, range.end);
    else
      ranges[kept++] = range;
  }
  ranges.resize(kept);
  return ranges;
}

Result<> HardwareCarrier::flush(Gfn root, std::span<const table::StaleLeaf>) {
  for (GuestGate *gate : gates_) gate->flush(root);
  return {};
}

Result<> HardwareCarrier::flush_all() {
  for (GuestGate *gate : gates_) gate->flush_all();
  return {};
}

Result<> SlotCarrier::flush(Gfn, std::span<const table::StaleLeaf>) { return flush_all(); }

Result<> SlotCarrier::flush_all() {
  if (!vm_.pulse_dummy_slot(memory_.host(Gpa{}))) return unexpected(Error::Unsupported);
  return {};
}

HostResult<std::unique_ptr<tlb::Carrier>> choose_carrier(HostKind kind, CarrierChoice choice,
                                                         const CarrierParts &parts) {
  std::unique_ptr<tlb::Carrier> carrier;
  switch (choice) {
  case CarrierChoice::Automatic:
    if (!shadows_tables(kind)) return std::make_unique<HardwareCarrier>(parts.gates);
    carrier = WriteProtectCarrier::create(parts.vm, parts.memory);
    if (carrier == nullptr) carrier = MprotectCarrier::create(parts.vm, parts.memory);
    if (carrier == nullptr) carrier = std::make_unique<SlotCarrier>(parts.vm, parts.memory);
    break;
  case CarrierChoice::Hardware: carrier = std::make_unique<HardwareCarrier>(parts.gates); break;
  case CarrierChoice::WriteProtect: carrier = WriteProtectCarrier::create(parts.vm, parts.memory); break;
  case CarrierChoice::Mprotect: carrier = MprotectCarrier::create(parts.vm, parts.memory); break;
  case CarrierChoice::Slot: carrier = std::make_unique<SlotCarrier>(parts.vm, parts.memory); break;
  case CarrierChoice::None: carrier = std::make_unique<NoCarrier>(); break;
  }
  if (carrier == nullptr)
    return std::unexpected(HostError{HostError::Problem::MissingCapability,
                                     fmt::format("this host cannot use the {} carrier: leave the choice to Pagoda "
                                                 "(automatic) or take slot.",
                                                 vmm::name(choice))});
  return carrier;
}

} // namespace pagoda::vmm
