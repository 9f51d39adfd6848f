#include "mmu/space/kernel_memory.hpp"

namespace pagoda::space {

KernelMemory::KernelMemory(std::unique_ptr<phys::KernelArena> arena, phys::SlabOptions options, Range range)
    : arena_(std::move(arena)), registry(*arena_, options), kmalloc(registry), vmap_area(registry, "vmap_area"),
      vmalloc(*arena_, &vmap_area, range.bytes, range.begin), vm_area_struct(registry, "vm_area_struct"),
      mm_struct(registry, "mm_struct"), shmem_inode_cache(registry, "shmem_inode_cache"),
      radix_tree_node(registry, "radix_tree_node"), task_struct(registry, "task_struct"),
      signal_cache(registry, "signal_cache"), sighand_cache(registry, "sighand_cache"),
      files_cache(registry, "files_cache"), fs_cache(registry, "fs_cache") {}

Result<std::unique_ptr<KernelMemory>> KernelMemory::create(phys::PhysicalMemory &guest, phys::SlabOptions options) {
  auto arena = phys::KernelArena::create(guest.topology());
  if (!arena) return unexpected(arena.error());
  (*arena)->on_charge([&guest](std::uint64_t frames) { return guest.set_kernel_charge(frames); });
  Range range;
  const bool is32 = guest.topology().layout == phys::LayoutKind::Split32;
  if (is32) {
    const GvaRange area = KernelLayout32(Machine32::of(guest.topology())).vmalloc;
    range = {area.length(), area.begin};
  }
  std::unique_ptr<KernelMemory> kernel(new KernelMemory(std::move(*arena), options, range));
  if (is32) kernel->map32 = std::make_unique<KernelMap32>(guest, kernel->vmalloc);
  return kernel;
}

} // namespace pagoda::space
