#include "mmu/phys/slab/checked.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "mmu/phys/slab/page_list.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/phys/slab/slab_frames.hpp"
#include "mmu/phys/slab/slab_site.hpp"

namespace pagoda::phys {

namespace {

constexpr std::byte kFreeZone{0xbb};  // redzone of a free object
constexpr std::byte kLiveZone{0xcc};  // of one in use
constexpr std::byte kPoison{0x6b};    // a free object
constexpr std::byte kPoisonEnd{0xa5}; // its last byte
constexpr std::byte kFresh{0x5a};     // an object that was never written
constexpr std::size_t kWord = sizeof(void *);

std::size_t align_up(std::size_t value, std::size_t unit) { return (value + unit - 1) & ~(unit - 1); }

// The redzone in front keeps the object's alignment.
std::size_t left_for(const CacheSpec &spec) {
  const std::size_t line = has(spec.flags, CacheFlags::HwCacheAlign) ? 64 : kWord;
  return std::max({spec.alignment, line, kWord});
}

std::size_t meta_for(const CacheSpec &spec) { return left_for(spec) + align_up(spec.size, kWord) + kWord; }

} // namespace

std::size_t Checked::extra(const CacheSpec &spec) { return meta_for(spec) + sizeof(Meta) - spec.size; }

Checked::Checked(Cache &cache)
    : cache_(cache), source_(cache.registry().source()), left_(left_for(cache.spec())), meta_(meta_for(cache.spec())) {}

Checked::~Checked() { shrink(); }

std::byte *Checked::slot_of(const KernelPage &slab, std::uint32_t index) const {
  return source_.address(slab) + index * cache_.layout().stride;
}
std::byte *Checked::object_of(const KernelPage &slab, std::uint32_t index) const {
  return slot_of(slab, index) + left_;
}
Checked::Meta &Checked::meta_of(const KernelPage &slab, std::uint32_t index) const {
  return *reinterpret_cast<Meta *>(slot_of(slab, index) + meta_);
}

// --- patterns

void Checked::fill(std::byte *object, bool free) const {
  const std::size_t size = cache_.layout().size;
  if (checks(CacheFlags::RedZone)) {
    const int zone = std::to_integer<int>(free ? kFreeZone : kLiveZone);
    std::memset(object - left_, zone, left_);
    std::memset(object + size, zone, meta_ - left_ - size);
  }
  if (!poisons()) return;
  std::memset(object, std::to_integer<int>(free ? kPoison : kFresh), size);
  if (free) object[size - 1] = kPoisonEnd;
}

bool Checked::intact(const std::byte *object, bool free, Misuse &why, std::string &detail) const {
  const std::size_t size = cache_.layout().size;
  const auto overwritten = [&](const std::byte *begin, std::size_t length, std::byte expected, Misuse kind) {
    const std::byte *end = begin + length;
    const std::byte *found = std::find_if(begin, end, [&](std::byte each) { return each != expected; });
    if (found == end) return false;
    why = kind;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "byte %td of the object is %02x, not %02x", found - object,
                  std::to_integer<unsigned>(*found), std::to_integer<unsigned>(expected));
    detail = text.data();
    return true;
  };
  if (checks(CacheFlags::RedZone)) {
    const std::byte zone = free ? kFreeZone : kLiveZone;
    if (overwritten(object - left_, left_, zone, Misuse::Overrun)) return false;
    if (overwritten(object + size, meta_ - left_ - size, zone, Misuse::Overrun)) return false;
  }
  if (!free || !poisons()) return true;
  return !overwritten(object, size - 1, kPoison, Misuse::UseAfterFree) &&
         !overwritten(object + size - 1, 1, kPoisonEnd, Misuse::UseAfterFree);
}

Checked::Track Checked::track(const void *caller, std::uint64_t stamp) {
  return {caller, stamp & ((1ull << 48) - 1), cpu_slot() & 0xffff};
}

std::string Checked::history(const Meta &meta) const {
  if (!checks(CacheFlags::StoreUser)) return {};
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "allocated by %p on CPU %u (%llu), freed by %p on CPU %u (%llu)",
                meta.allocated.caller, unsigned(meta.allocated.cpu), (unsigned long long)meta.allocated.stamp,
                meta.freed.caller, unsigned(meta.freed.cpu), (unsigned long long)meta.freed.stamp);
  return text.data();
}

// --- allocation

bool Checked::grow(Gfp gfp) {
  KernelPage *slab = slab_frames::take(cache_, gfp, source_.local_node());
  if (slab == nullptr) return false;
  for (std::uint32_t i = cache_.layout().objects; i-- > 0;) {
    meta_of(*slab, i) = {State::Free, i + 1 < cache_.layout().objects ? i + 1 : kNoObject, {}, {}};
    fill(object_of(*slab, i), true);
    if (cache_.spec().constructor != nullptr) cache_.spec().constructor(object_of(*slab, i));
  }
  slab->freelist = 0;
  const LockGuard guard(mutex_);
  page_list::push(source_, partial_, *slab);
  return true;
}

void *Checked::take_locked(const void *caller, Misuse &why, std::string &detail, const void *&broken) {
  KernelPage &slab = source_.page(partial_);
  const std::uint32_t index = slab.freelist;
  Meta &meta = meta_of(slab, index);
  std::byte *object = object_of(slab, index);
  if (!intact(object, true, why, detail)) {
    broken = object;
    detail += "; " + history(meta);
  }
  slab.freelist = meta.next;
  ++slab.in_use;
  if (slab.freelist == kNoObject) {
    page_list::remove(source_, partial_, slab);
    page_list::push(source_, full_, slab);
  }
  // A damaged object stays out of use: whoever wrote to it may do so again.
  if (broken != nullptr) return nullptr;
  meta.state = State::Live;
  meta.allocated = track(caller, ++stamp_);
  fill(object, false);
  return object;
}

void *Checked::allocate(Gfp gfp, const void *caller) {
  if (failpoint::slab_allocation.fails()) return nullptr;
  for (;;) {
    Misuse why{};
    std::string detail;
    const void *broken = nullptr;
    void *object = nullptr;
    bool had_slab = false;
    {
      const LockGuard guard(mutex_);
      had_slab = partial_ != 0;
      if (had_slab) object = take_locked(caller, why, detail, broken);
    }
    if (object != nullptr) return object;
    if (broken != nullptr) cache_.misused(why, broken, caller, detail);
    if (!had_slab && !grow(gfp)) return nullptr;
  }
}

// --- freeing

void Checked::free(void *object, const void *caller) {
  if (object == nullptr) return;
  Misuse why{};
  KernelPage *slab = slab_frames::find(cache_, object, why);
  const std::uint64_t index =
      slab == nullptr ? ~0ull
                      : cache_.layout().index(source_.offset(object) - left_ - source_.offset(source_.address(*slab)));
  if (index >= cache_.layout().objects) {
    cache_.misused(why, object, caller);
    return;
  }
  std::string detail;
  bool refused = false;
  {
    const LockGuard guard(mutex_);
    Meta &meta = meta_of(*slab, std::uint32_t(index));
    if (meta.state != State::Live) {
      refused = true;
      why = meta.state == State::Free ? Misuse::DoubleFree : Misuse::Overrun;
      detail = meta.state == State::Free ? history(meta) : "the object's own record is overwritten";
    } else {
      // An overrun is reported and the object kept from use; what it destroyed is another's loss.
      refused = !intact(static_cast<std::byte *>(object), false, why, detail);
      if (refused) detail += "; " + history(meta);
      meta.freed = track(caller, ++stamp_);
      meta.state = State::Free;
      if (!refused) {
        fill(static_cast<std::byte *>(object), true);
        const bool was_full = slab->freelist == kNoObject;
        meta.next = slab->freelist;
        slab->freelist = std::uint32_t(index);
        --slab->in_use;
        if (was_full) {
          page_list::remove(source_, full_, *slab);
          page_list::push(source_, partial_, *slab);
        }
      }
    }
  }
  if (refused) cache_.misused(why, object, caller, detail);
}

// --- the rest

std::uint64_t Checked::shrink() {
  std::uint32_t doomed = 0;
  {
    const LockGuard guard(mutex_);
    for (std::uint32_t at = partial_; at != 0;) {
      KernelPage &slab = source_.page(at);
      at = slab.next;
      if (slab.in_use != 0) continue;
      page_list::remove(source_, partial_, slab);
      page_list::push(source_, doomed, slab);
    }
  }
  std::uint64_t frames = 0;
  while (KernelPage *slab = page_list::pop(source_, doomed)) {
    frames += 1ull << slab->order;
    slab_frames::give(cache_, *slab);
  }
  return frames;
}

void Checked::count(CacheFigures &figures) {
  const LockGuard guard(mutex_);
  for (std::uint32_t head : {partial_, full_})
    page_list::for_each(source_, head, [&](const KernelPage &slab) {
      ++figures.total_slabs;
      figures.active_objects += slab.in_use;
      if (slab.in_use != 0) ++figures.active_slabs;
      if (slab.in_use != 0 && slab.in_use != cache_.layout().objects) ++figures.partial_slabs;
    });
  figures.total_objects = figures.total_slabs * cache_.layout().objects;
}

std::string Checked::check_slab_locked(const KernelPage &slab) const {
  std::uint32_t free = 0;
  for (std::uint32_t at = slab.freelist; at != kNoObject; at = meta_of(slab, at).next) {
    if (at >= cache_.layout().objects || ++free > cache_.layout().objects) return "a free list is broken";
    if (meta_of(slab, at).state != State::Free) return "an object in use is on a free list";
    Misuse why{};
    std::string detail;
    if (!intact(object_of(slab, at), true, why, detail)) return detail;
  }
  return slab.in_use + free == cache_.layout().objects ? "" : "objects in use are miscounted";
}

std::string Checked::invariant() {
  const LockGuard guard(mutex_);
  for (std::uint32_t head : {partial_, full_})
    for (std::uint32_t at = head; at != 0; at = source_.page(at).next)
      if (std::string wrong = check_slab_locked(source_.page(at)); !wrong.empty()) return wrong + ": " + cache_.name();
  return {};
}

void Checked::for_each_live(const std::function<void(const LiveObject &)> &visit) {
  const LockGuard guard(mutex_);
  for (std::uint32_t head : {partial_, full_})
    page_list::for_each(source_, head, [&](const KernelPage &slab) {
      for (std::uint32_t i = 0; i < cache_.layout().objects; ++i) {
        const Meta &meta = meta_of(slab, i);
        if (meta.state != State::Live) continue;
        visit({object_of(slab, i), meta.allocated.caller, unsigned(meta.allocated.cpu), meta.allocated.stamp});
      }
    });
}

} // namespace pagoda::phys
