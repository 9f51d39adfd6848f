#include "mmu/space/layout32/fixmap.hpp"

namespace pagoda::space {

Fixmap::Fixmap(const KernelLayout32 &layout, const phys::PhysicalMemory &memory)
    : layout_(layout), memory_(memory), pages_(layout.fixmap.length() >> kPageShift), depth_(layout.cpus) {}

// --- names

Result<Gva> Fixmap::set(FixedSlot slot, Gpa page) {
  const auto index = unsigned(slot);
  if (slot == FixedSlot::Hole || index >= kFixedSlots) return unexpected(Error::Invalid);
  if (!page.page_aligned() || page.value() >= kMostMemory32) return unexpected(Error::Invalid);
  const LockGuard guard(mutex_);
  pages_[index] = page;
  return address_of(index);
}

Result<> Fixmap::clear(FixedSlot slot) {
  const auto index = unsigned(slot);
  const LockGuard guard(mutex_);
  if (index >= kFixedSlots || !pages_[index]) return unexpected(Error::NotMapped);
  pages_[index].reset();
  return {};
}

// --- the stacks

Result<Gva> Fixmap::map_local(unsigned cpu, Gfn frame) {
  if (cpu >= layout_.cpus || !memory_.is_ram(frame)) return unexpected(Error::Invalid);
  if (layout_.is_low(frame)) return layout_.direct(frame.gpa());
  const LockGuard guard(mutex_);
  if (depth_[cpu] == kKmapLocalDepth) return unexpected(Error::NoSpace);
  const unsigned index = local_index(cpu, depth_[cpu]++);
  pages_[index] = frame.gpa();
  return address_of(index);
}

Result<> Fixmap::unmap_local(unsigned cpu, Gva gva) {
  if (cpu >= layout_.cpus) return unexpected(Error::Invalid);
  if (layout_.direct_map.contains(gva)) return {};
  const LockGuard guard(mutex_);
  if (depth_[cpu] == 0) return unexpected(Error::NotMapped);
  const unsigned last = local_index(cpu, depth_[cpu] - 1);
  if (gva.page_floor() != address_of(last)) return unexpected(Error::Invalid);
  pages_[last].reset();
  --depth_[cpu];
  return {};
}

unsigned Fixmap::depth(unsigned cpu) const {
  const LockGuard guard(mutex_);
  return cpu < depth_.size() ? depth_[cpu] : 0;
}

// --- what there is

std::optional<Gpa> Fixmap::page_at(Gva gva) const {
  if (!layout_.fixmap.contains(gva)) return std::nullopt;
  const std::uint64_t index = (kFixmapTop - gva.page_floor()) >> kPageShift;
  const LockGuard guard(mutex_);
  return index < pages_.size() ? pages_[index] : std::nullopt; // the lowest page belongs to no slot
}

std::string Fixmap::invariant() const {
  const LockGuard guard(mutex_);
  if (pages_[unsigned(FixedSlot::Hole)]) return "the hole is mapped";
  for (unsigned cpu = 0; cpu < layout_.cpus; ++cpu)
    for (unsigned slot = 0; slot < kKmapLocalDepth; ++slot)
      if (pages_[local_index(cpu, slot)].has_value() != (slot < depth_[cpu]))
        return "a slot of CPU " + std::to_string(cpu) + " disagrees with its depth";
  return {};
}

} // namespace pagoda::space
