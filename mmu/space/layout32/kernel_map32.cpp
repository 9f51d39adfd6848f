#include "mmu/space/layout32/kernel_map32.hpp"

#include "mmu/space/vmalloc.hpp"

namespace pagoda::space {

KernelMap32::KernelMap32(const phys::PhysicalMemory &memory, const Vmalloc &vmalloc, Kmap::Flush flush)
    : layout(Machine32::of(memory.topology())), kmap(layout, memory, std::move(flush)), fixmap(layout, memory),
      memory_(memory), vmalloc_(vmalloc) {}

KernelMap32::Place KernelMap32::in_memory(Region32 region, Gpa gpa) const {
  return {region, gpa, memory_.is_ram(Gfn::of(gpa)) ? memory_.host(gpa) : nullptr};
}

Result<KernelMap32::Place> KernelMap32::translate(Gva gva) const {
  const auto region = layout.region_of(gva);
  if (!region) return unexpected(Error::NotMapped);
  switch (*region) {
  case Region32::DirectMap: return in_memory(*region, Gpa(gva - kPageOffset));
  case Region32::Vmalloc:
    if (std::byte *host = vmalloc_.host(gva)) return Place{*region, std::nullopt, host};
    break;
  case Region32::Kmap:
    if (const auto frame = kmap.frame_at(gva)) return in_memory(*region, frame->gpa() + gva.page_offset());
    break;
  case Region32::Fixmap:
    if (const auto page = fixmap.page_at(gva)) return in_memory(*region, *page + gva.page_offset());
    break;
  }
  return unexpected(Error::NotMapped);
}

} // namespace pagoda::space
