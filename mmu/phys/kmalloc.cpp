#include "mmu/phys/kmalloc.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "mmu/base/checked.hpp"
#include "mmu/phys/slab/slob.hpp"

namespace pagoda::phys {

namespace {

constexpr std::size_t kLargestClass = Kmalloc::kClasses.back();
// Up to here the classes are not powers of two alone: one entry for each 8 bytes.
constexpr std::size_t kTableEnd = 192;

constexpr auto kByEights = [] {
  std::array<std::uint8_t, kTableEnd / 8> table{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    while (Kmalloc::kClasses[at] < (i + 1) * 8) ++at;
    table[i] = std::uint8_t(at);
  }
  return table;
}();

Order order_for(std::size_t bytes) { return Order(std::bit_width((bytes - 1) >> kPageShift)); }

std::string class_name(std::size_t bytes, bool reclaimable) {
  const std::string number = bytes < 1024 ? std::to_string(bytes) : std::to_string(bytes / 1024) + "k";
  return (reclaimable ? "kmalloc-rcl-" : "kmalloc-") + number;
}

} // namespace

std::size_t Kmalloc::class_of(std::size_t bytes) {
  if (bytes <= kTableEnd) return kByEights[(bytes - 1) / 8];
  // 256 is class 7, and from there each is twice the one before.
  return std::size_t(std::bit_width(bytes - 1)) - 1;
}

Cache *Kmalloc::cache_for(std::size_t index, bool reclaimable) {
  std::atomic<Cache *> &place = caches_[reclaimable ? 1 : 0][index];
  if (Cache *cache = place.load(std::memory_order_acquire)) [[likely]]
    return cache;
  const LockGuard guard(mutex_);
  if (Cache *cache = place.load(std::memory_order_relaxed)) return cache;
  const std::size_t bytes = kClasses[index];
  const CacheFlags flags = reclaimable ? CacheFlags::NoMerge | CacheFlags::ReclaimAccount : CacheFlags::NoMerge;
  // Powers of two are aligned to themselves: whoever asks for a page of bytes gets a page.
  const std::size_t alignment = std::has_single_bit(bytes) ? std::min<std::size_t>(bytes, kPageSize) : 8;
  const Result<Cache *> made =
      registry_.create({.name = class_name(bytes, reclaimable), .size = bytes, .alignment = alignment, .flags = flags});
  if (!made) return nullptr;
  place.store(*made, std::memory_order_release);
  return *made;
}

void *Kmalloc::allocate(std::size_t bytes, Gfp gfp) {
  if (bytes - 1 >= kLargestClass) return bytes == 0 ? nullptr : allocate_large(bytes, gfp);
  if (by_units()) return allocate_units(bytes, gfp);
  Cache *cache = cache_for(class_of(bytes), has(gfp, Gfp::Reclaimable));
  return cache == nullptr ? nullptr : cache->allocate(gfp);
}

void *Kmalloc::allocate_large(std::size_t bytes, Gfp gfp) {
  if (bytes > kMax) return nullptr;
  const Order order = order_for(bytes);
  const Gfp wanted = gfp & ~(Gfp::Movable | Gfp::HighMem);
  const Result<std::byte *> block = source_.allocate(order, FrameKind::Kernel, wanted, source_.local_node());
  if (!block) return nullptr;
  KernelPage &page = source_.page(*block);
  page.use = PageUse::Large;
  page.order = order;
  page.cache = 0;
  page.tail = 0;
  large_frames_.fetch_add(1ull << order, std::memory_order_relaxed);
  return *block;
}

void *Kmalloc::allocate_units(std::size_t bytes, Gfp gfp) {
  void *block = registry_.slob().allocate(bytes + sizeof(Header), alignof(Header), gfp);
  if (block == nullptr) return nullptr;
  auto *header = new (block) Header{bytes};
  void *content = header + 1;
  if (has(gfp, Gfp::Zero)) std::memset(content, 0, bytes);
  return content;
}

void *Kmalloc::allocate_array(std::size_t count, std::size_t bytes, Gfp gfp) {
  const auto all = checked_mul(count, bytes);
  return all ? allocate(*all, gfp) : nullptr;
}

void *Kmalloc::reallocate(void *block, std::size_t bytes, Gfp gfp) {
  if (block == nullptr) return allocate(bytes, gfp);
  if (bytes == 0) {
    free(block);
    return nullptr;
  }
  const std::size_t have = size_of(block);
  if (have >= bytes) return block;
  void *moved = allocate(bytes, gfp);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, have);
  free(block);
  return moved;
}

void Kmalloc::free_large(KernelPage &page, void *block) {
  const Order order = page.order;
  page.use = PageUse::None;
  large_frames_.fetch_sub(1ull << order, std::memory_order_relaxed);
  source_.free(static_cast<std::byte *>(block), order);
}

void Kmalloc::free_units(void *block, const void *caller) {
  Header *header = static_cast<Header *>(block) - 1;
  Misuse why = Misuse::WildFree;
  const bool plausible = source_.offset(block) % SlobHeap::kUnit == 0 && source_.offset(block) % kPageSize != 0;
  // A header that was overwritten would free its neighbours.
  if (plausible && header->bytes <= kLargestClass && registry_.slob().free(header, header->bytes + sizeof(Header), why))
    return;
  registry_.refuse(why, "kmalloc", block, caller);
}

void Kmalloc::free(void *block) {
  if (block == nullptr) return;
  const void *caller = __builtin_return_address(0);
  if (!source_.contains(block)) return registry_.refuse(Misuse::WildFree, "kmalloc", block, caller);
  KernelPage &page = source_.page(block);
  if (page.use == PageUse::Slab) [[likely]]
    return registry_.cache(page.cache)->free(block);
  const bool at_page = source_.offset(block) % kPageSize == 0;
  if (page.use == PageUse::Large && at_page) return free_large(page, block);
  // Two pages hold a block of SLOB that is larger than one, header and all.
  if (by_units() && (page.use == PageUse::Slob || page.use == PageUse::Large)) return free_units(block, caller);
  registry_.refuse(Misuse::WildFree, "kmalloc", block, caller);
}

std::size_t Kmalloc::size_of(const void *block) const {
  if (block == nullptr || !source_.contains(block)) return 0;
  const KernelPage &page = source_.page(block);
  if (page.use == PageUse::Slab) {
    const Cache *cache = registry_.cache(page.cache);
    return cache == nullptr ? 0 : cache->object_size();
  }
  const bool at_page = source_.offset(block) % kPageSize == 0;
  if (page.use == PageUse::Large && at_page) return kPageSize << page.order;
  if (by_units() && page.use != PageUse::None && !at_page) return (static_cast<const Header *>(block) - 1)->bytes;
  return 0;
}

} // namespace pagoda::phys
