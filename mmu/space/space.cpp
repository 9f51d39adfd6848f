#include "mmu/space/space.hpp"

#include <utility>

#include "mmu/space/kernel_memory.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

Result<std::shared_ptr<Space>> Space::create(phys::PhysicalMemory &memory, tlb::Invalidator &invalidator,
                                             KernelHalf kernel_half, phys::Owner owner, KernelMemory *kernel) {
  auto table_memory = std::make_unique<table::PhysTableMemory>(memory, owner);
  auto table = ProcessTable::create(*table_memory);
  if (!table) return unexpected(table.error());
  if (kernel_half.entry != 0) table->share_top_entry(kernel_half.index, kernel_half.entry);
  phys::NamedCache *cache = kernel == nullptr ? nullptr : &kernel->mm_struct;
  return std::shared_ptr<Space>(
      new (cache) Space(memory, invalidator, std::move(table_memory), std::move(*table), kernel_half, owner, kernel));
}

Space::Space(phys::PhysicalMemory &memory, tlb::Invalidator &invalidator, TableMemory table_memory, ProcessTable table,
             KernelHalf kernel_half, phys::Owner owner, KernelMemory *kernel)
    : memory_(memory), invalidator_(invalidator), owner_(owner), kernel_(kernel), kernel_half_(kernel_half),
      root_(table.root()), user_end_(memory.topology().layout == phys::LayoutKind::Split32 ? kUserEnd32 : kUserEnd),
      table_memory_(std::move(table_memory)), table_(std::move(table)),
      areas_(kernel == nullptr ? nullptr : &kernel->vm_area_struct),
      mmap_top_(user_end_ - (kUserEnd - kDefaultMmapTop)) {}

Space::~Space() {
  const LockGuard guard(mutex);
  Batch batch;
  for (const auto &[begin, area] : areas_) drop_pages(area.range, area, batch);
  table_.destroy(batch, [](Gva, const table::Mapping &) {});
  finish(std::move(batch));
}

void Space::set_limits(const Limits &limits) {
  const LockGuard guard(mutex);
  limits_ = limits;
}

void Space::set_mmap_top(Gva top) {
  const LockGuard guard(mutex);
  mmap_top_ = top.page_floor();
}

} // namespace pagoda::space
