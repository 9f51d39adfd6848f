#include "mmu/phys/slab/slab_frames.hpp"

#include "mmu/phys/slab/registry.hpp"

namespace pagoda::phys::slab_frames {

KernelPage *take(Cache &cache, Gfp gfp, NodeId node) {
  SlabRegistry &registry = cache.registry();
  const SlabLayout &layout = cache.layout();
  std::byte *block = registry.take_slab(layout.order, gfp, cache.spec().flags, node);
  if (block == nullptr) return nullptr;
  KernelPage &head = registry.source().page(block);
  const std::uint32_t first = registry.source().number(head);
  for (std::uint32_t i = 0; i < 1u << layout.order; ++i) {
    KernelPage &page = registry.source().page(first + i);
    page.use = PageUse::Slab;
    page.cache = cache.id();
    page.tail = std::uint16_t(i);
    page.order = layout.order;
    page.next = page.prev = page.notified = 0;
    page.freelist = KernelPage::kNone;
    page.in_use = 0;
    page.remote.store(RemoteFrees{}.pack(), std::memory_order_relaxed);
  }
  return &head;
}

void give(Cache &cache, KernelPage &slab) {
  SlabRegistry &registry = cache.registry();
  const Order order = slab.order;
  const std::uint32_t first = registry.source().number(slab);
  for (std::uint32_t i = 0; i < 1u << order; ++i) {
    KernelPage &page = registry.source().page(first + i);
    page.use = PageUse::None;
    page.cache = 0;
    page.tail = 0;
  }
  registry.give_slab(registry.source().address(slab), order, cache.spec().flags);
}

KernelPage *find(Cache &cache, const void *address, Misuse &why) {
  FrameSource &source = cache.registry().source();
  why = Misuse::WildFree;
  if (!source.contains(address)) return nullptr;
  KernelPage &page = source.page(address);
  if (page.use != PageUse::Slab) return nullptr;
  if (page.cache != cache.id()) {
    why = Misuse::WrongCache;
    return nullptr;
  }
  return &source.head(page);
}

} // namespace pagoda::phys::slab_frames
