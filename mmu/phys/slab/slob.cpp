#include "mmu/phys/slab/slob.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "mmu/phys/slab/page_list.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/phys/slab/slab_site.hpp"

namespace pagoda::phys {

namespace {

constexpr std::uint32_t kFreeMark = 0x51ab0b51;

std::size_t units_for(std::size_t bytes) { return (bytes + SlobHeap::kUnit - 1) / SlobHeap::kUnit; }

Order order_for(std::size_t bytes) { return Order(std::bit_width((bytes - 1) >> kPageShift)); }

} // namespace

SlobHeap::FreeBlock SlobHeap::read(const std::byte *page, std::uint32_t unit) {
  FreeBlock block{};
  std::memcpy(&block, page + unit * kUnit, sizeof block);
  return block;
}

void SlobHeap::write(std::byte *page, std::uint32_t unit, FreeBlock block) {
  std::memcpy(page + unit * kUnit, &block, sizeof block);
}

std::size_t SlobHeap::list_for(std::size_t bytes) { return bytes < 256 ? 0 : bytes < 1024 ? 1 : 2; }

// --- allocation

void *SlobHeap::fit_locked(KernelPage &page, std::size_t units, std::size_t alignment) {
  std::byte *base = registry_.source().address(page);
  std::uint16_t before = kNoUnit;
  for (auto at = std::uint16_t(page.freelist); at != kNoUnit;) {
    const FreeBlock block = read(base, at);
    const auto aligned = std::uint32_t(((at * kUnit + alignment - 1) & ~(alignment - 1)) / kUnit);
    const std::uint32_t skipped = aligned - at;
    if (block.units < skipped + units) {
      before = at;
      at = block.next;
      continue;
    }
    // What is left behind the object, and what the alignment left in front of it, stays free.
    const auto left = std::uint16_t(block.units - skipped - units);
    std::uint16_t next = block.next;
    if (left != 0) {
      const auto rest = std::uint16_t(aligned + units);
      write(base, rest, {left, next, kFreeMark});
      next = rest;
    }
    if (skipped != 0) {
      write(base, at, {std::uint16_t(skipped), next, kFreeMark});
    } else if (before != kNoUnit) {
      write(base, before, {read(base, before).units, next, kFreeMark});
    } else {
      page.freelist = next;
    }
    page.in_use = std::uint16_t(page.in_use - units);
    return base + aligned * kUnit;
  }
  return nullptr;
}

void *SlobHeap::allocate_in_new_page(std::size_t list, std::size_t units, std::size_t alignment, Gfp gfp) {
  std::byte *base = registry_.take_slab(0, gfp, CacheFlags::None, registry_.source().local_node());
  if (base == nullptr) return nullptr;
  KernelPage &page = registry_.source().page(base);
  page.use = PageUse::Slob;
  page.order = 0;
  page.tail = std::uint16_t(list);
  page.freelist = 0;
  page.in_use = kUnitsPerPage;
  write(base, 0, {kUnitsPerPage, kNoUnit, kFreeMark});
  pages_.fetch_add(1, std::memory_order_relaxed);
  const LockGuard guard(mutex_);
  page_list::push(registry_.source(), lists_[list], page);
  return fit_locked(page, units, alignment); // before others can: a page that nobody used would never go back
}

void *SlobHeap::allocate(std::size_t bytes, std::size_t alignment, Gfp gfp) {
  if (failpoint::slab_allocation.fails()) return nullptr;
  FrameSource &source = registry_.source();
  if (bytes > kPageSize) {
    const Order order = order_for(bytes);
    std::byte *block = registry_.take_slab(order, gfp, CacheFlags::None, source.local_node());
    if (block == nullptr) return nullptr;
    source.page(block).use = PageUse::Large;
    source.page(block).order = order;
    pages_.fetch_add(1ull << order, std::memory_order_relaxed);
    return block;
  }
  const std::size_t units = units_for(bytes);
  const std::size_t list = list_for(bytes);
  {
    const LockGuard guard(mutex_);
    for (std::uint32_t at = lists_[list]; at != 0;) {
      KernelPage &page = source.page(at);
      at = page.next;
      if (page.in_use < units) continue;
      if (void *object = fit_locked(page, units, alignment)) return object;
    }
  }
  return allocate_in_new_page(list, units, alignment, gfp);
}

// --- freeing

bool SlobHeap::free_units(KernelPage &page, std::uint32_t first, std::uint32_t units, std::byte *&empty, Misuse &why) {
  FrameSource &source = registry_.source();
  std::byte *base = source.address(page);
  const LockGuard guard(mutex_);
  // The free blocks on either side.
  std::uint16_t before = kNoUnit;
  auto after = std::uint16_t(page.freelist);
  while (after != kNoUnit && after < first) {
    before = after;
    after = read(base, after).next;
  }
  std::uint32_t end = first + units;
  const std::uint32_t before_end = before == kNoUnit ? 0 : before + read(base, before).units;
  if (end > kUnitsPerPage || (after != kNoUnit && after < end) || before_end > first) {
    why = Misuse::DoubleFree;
    return false;
  }
  page.in_use = std::uint16_t(page.in_use + units);
  if (page.in_use == kUnitsPerPage) {
    page_list::remove(source, lists_[page.tail], page);
    page.use = PageUse::None;
    page.tail = 0;
    empty = base;
    return true;
  }
  std::uint16_t next = after;
  if (after != kNoUnit && after == end) {
    const FreeBlock joined = read(base, after);
    end += joined.units;
    next = joined.next;
  }
  const bool joins = before != kNoUnit && before_end == first;
  const std::uint32_t begin = joins ? before : first;
  write(base, begin, {std::uint16_t(end - begin), next, kFreeMark});
  if (joins) return true;
  if (before != kNoUnit)
    write(base, before, {read(base, before).units, std::uint16_t(first), kFreeMark});
  else
    page.freelist = first;
  return true;
}

bool SlobHeap::free(void *object, std::size_t bytes, Misuse &why) {
  FrameSource &source = registry_.source();
  why = Misuse::WildFree;
  if (!source.contains(object)) return false;
  KernelPage &page = source.page(object);
  const std::uint64_t offset = source.offset(object) & kPageMask;
  if (bytes > kPageSize) {
    if (page.use != PageUse::Large || offset != 0 || page.order != order_for(bytes)) return false;
    page.use = PageUse::None;
    pages_.fetch_sub(1ull << page.order, std::memory_order_relaxed);
    registry_.give_slab(static_cast<std::byte *>(object), page.order, CacheFlags::None);
    return true;
  }
  if (page.use != PageUse::Slob || offset % kUnit != 0) return false;
  std::byte *empty = nullptr;
  if (!free_units(page, std::uint32_t(offset / kUnit), std::uint32_t(units_for(bytes)), empty, why)) return false;
  if (empty != nullptr) {
    pages_.fetch_sub(1, std::memory_order_relaxed);
    registry_.give_slab(empty, 0, CacheFlags::None);
  }
  return true;
}

// --- checks

std::string SlobHeap::check_page_locked(const KernelPage &page) const {
  const std::byte *base = registry_.source().address(page);
  std::uint32_t units = 0;
  std::uint32_t end = 0;
  bool first = true;
  for (auto at = std::uint16_t(page.freelist); at != kNoUnit;) {
    if (at >= kUnitsPerPage) return "a free block of SLOB lies outside its page";
    if (!first && at <= end) return "free blocks of SLOB touch or are out of order";
    const FreeBlock block = read(base, at);
    units += block.units;
    end = at + block.units;
    if (block.units == 0 || end > kUnitsPerPage) return "a free block of SLOB has no length, or too much";
    at = block.next;
    first = false;
  }
  return units == page.in_use ? "" : "free units of a SLOB page are miscounted";
}

std::string SlobHeap::invariant() const {
  const LockGuard guard(mutex_);
  std::string wrong;
  for (std::uint32_t head : lists_)
    for (std::uint32_t at = head; at != 0 && wrong.empty(); at = registry_.source().page(at).next)
      wrong = check_page_locked(registry_.source().page(at));
  return wrong;
}

// --- caches

Slob::Slob(Cache &cache) : cache_(cache), heap_(cache.registry().slob()) {}

std::size_t Slob::bytes() const { return std::max(cache_.layout().size, SlobHeap::kUnit); }

void *Slob::allocate(Gfp gfp, const void * /*caller*/) {
  void *object = heap_.allocate(bytes(), cache_.layout().alignment, gfp);
  if (object == nullptr) return nullptr;
  active_.fetch_add(1, std::memory_order_relaxed);
  if (cache_.spec().constructor != nullptr) cache_.spec().constructor(object);
  return object;
}

void Slob::free(void *object, const void *caller) {
  if (object == nullptr) return;
  Misuse why{};
  if (heap_.free(object, bytes(), why))
    active_.fetch_sub(1, std::memory_order_relaxed);
  else
    cache_.misused(why, object, caller);
}

void Slob::count(CacheFigures &figures) {
  figures.active_objects = figures.total_objects = active_.load(std::memory_order_relaxed);
  figures.objects_per_slab = figures.pages_per_slab = 0; // pages are shared by all caches
}

std::string Slob::invariant() { return heap_.invariant(); }

} // namespace pagoda::phys
