#include "mmu/phys/slab/registry.hpp"

#include <algorithm>
#include <cstdio>
#include <sys/random.h>

#include "mmu/base/broken.hpp"
#include "mmu/phys/slab/array_slab.hpp"
#include "mmu/phys/slab/checked.hpp"
#include "mmu/phys/slab/slob.hpp"
#include "mmu/phys/slab/slub.hpp"

namespace pagoda::phys {

namespace {

const char *name_of(Misuse kind) {
  switch (kind) {
  case Misuse::DoubleFree: return "double free";
  case Misuse::WildFree: return "free of no object";
  case Misuse::WrongCache: return "free of another cache's object";
  case Misuse::Overrun: return "redzone overwritten";
  case Misuse::UseAfterFree: return "write to a free object";
  }
  return "misuse";
}

std::uint64_t random_word() {
  std::uint64_t word = 0;
  if (::getrandom(&word, sizeof word, GRND_NONBLOCK) != sizeof word)
    word = reinterpret_cast<std::uintptr_t>(&word); // as random as the layout of this process
  return word;
}

std::string hex(const void *address) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%p", address);
  return text.data();
}

} // namespace

std::string to_string(const MisuseReport &report) {
  std::string text = report.cache + ": " + name_of(report.kind) + " at " + hex(report.object);
  if (report.caller != nullptr) text += ", by " + hex(report.caller);
  if (!report.detail.empty()) text += "; " + report.detail;
  return text;
}

SlabRegistry::SlabRegistry(FrameSource &source, SlabOptions options)
    : source_(source), options_(options), secret_(random_word()), slob_(std::make_unique<SlobHeap>(*this)) {}

SlabRegistry::~SlabRegistry() = default;

std::uint64_t SlabRegistry::secret_for(std::uint16_t id) const {
  // SplitMix64 (Steele, Lea, Flood 2014).
  std::uint64_t word = secret_ + 0x9e3779b97f4a7c15 * (std::uint64_t{id} + 1);
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
  word = (word ^ word >> 27) * 0x94d049bb133111eb;
  return word ^ word >> 31;
}

// --- the list

bool SlabRegistry::taken_locked(std::string_view name) const {
  return std::ranges::any_of(caches_, [&](const auto &cache) {
    return cache->spec_.name == name || std::ranges::find(cache->aliases_, name) != cache->aliases_.end();
  });
}

Cache *SlabRegistry::find_like_locked(const CacheSpec &spec, const SlabLayout &layout) const {
  constexpr CacheFlags kApart = CacheFlags::NoMerge | CacheFlags::AllChecks;
  if (!options_.merge || any(spec.flags & kApart) || spec.constructor != nullptr) return nullptr;
  for (const auto &cache : caches_) {
    const CacheSpec &other = cache->spec_;
    if (any(other.flags & kApart) || other.constructor != nullptr) continue;
    if ((other.flags & CacheFlags::ReclaimAccount) != (spec.flags & CacheFlags::ReclaimAccount)) continue;
    // An object of the new cache fits, is aligned, and wastes less than a word.
    const SlabLayout &have = cache->layout_;
    if (spec.size > have.size || have.stride - layout.stride >= sizeof(void *)) continue;
    if (have.stride % layout.alignment == 0) return cache.get();
  }
  return nullptr;
}

std::unique_ptr<CachePolicy> SlabRegistry::policy_for(Cache &cache) {
  if (cache.debugged()) return std::make_unique<Checked>(cache);
  switch (options_.policy) {
  case SlabPolicy::Slub: return std::make_unique<Slub>(cache);
  case SlabPolicy::Slab: return std::make_unique<ArraySlab>(cache);
  case SlabPolicy::Slob: return std::make_unique<Slob>(cache);
  }
  return nullptr;
}

Result<Cache *> SlabRegistry::create(CacheSpec spec) {
  if (spec.name.empty()) return unexpected(Error::Invalid);
  spec.flags = spec.flags | options_.checks;
  const bool debugged = any(spec.flags & CacheFlags::AllChecks);
  const Result<SlabLayout> layout = SlabLayout::of(spec, debugged ? Checked::extra(spec) : 0);
  if (!layout) return unexpected(layout.error());

  const LockGuard guard(mutex_);
  if (taken_locked(spec.name)) return unexpected(Error::Exists);
  if (Cache *like = find_like_locked(spec, *layout)) {
    ++like->references_;
    like->aliases_.push_back(spec.name);
    return like;
  }
  std::size_t id = 1;
  while (id < kMaxCaches && by_id_[id].load(std::memory_order_relaxed) != nullptr) ++id;
  if (id == kMaxCaches) return unexpected(Error::OutOfMemory);
  auto cache = std::make_unique<Cache>(*this, std::uint16_t(id), std::move(spec), *layout);
  cache->policy_ = policy_for(*cache);
  by_id_[id].store(cache.get(), std::memory_order_release);
  caches_.push_back(std::move(cache));
  return caches_.back().get();
}

Result<> SlabRegistry::destroy(Cache *cache) {
  std::unique_ptr<Cache> gone;
  const LockGuard guard(mutex_);
  const auto it = std::ranges::find_if(caches_, [&](const auto &each) { return each.get() == cache; });
  if (it == caches_.end()) return unexpected(Error::NotMapped);
  if (cache->references_ > 1) {
    --cache->references_;
    return {};
  }
  cache->shrink();
  if (cache->figures().active_objects != 0) return unexpected(Error::Busy);
  by_id_[cache->id()].store(nullptr, std::memory_order_release);
  gone = std::move(*it);
  caches_.erase(it);
  return {};
}

// --- what they hold

std::vector<CacheFigures> SlabRegistry::figures() const {
  const LockGuard guard(mutex_);
  std::vector<CacheFigures> all;
  all.reserve(caches_.size());
  for (const auto &cache : caches_) all.push_back(cache->figures());
  return all;
}

SlabTotals SlabRegistry::totals() const {
  return {reclaimable_.load(std::memory_order_relaxed), unreclaimable_.load(std::memory_order_relaxed)};
}

std::string SlabRegistry::invariant() const {
  const LockGuard guard(mutex_);
  for (const auto &cache : caches_)
    if (std::string wrong = cache->invariant(); !wrong.empty()) return wrong;
  return {};
}

std::vector<std::string> SlabRegistry::leaks() const {
  const LockGuard guard(mutex_);
  std::vector<std::string> lines;
  for (const auto &cache : caches_) {
    if (!has(cache->spec_.flags, CacheFlags::StoreUser)) {
      const std::uint64_t objects = cache->figures().active_objects;
      if (objects != 0) lines.push_back(cache->name() + ": " + std::to_string(objects) + " objects");
      continue;
    }
    cache->for_each_live([&](const LiveObject &live) {
      lines.push_back(cache->name() + ": object " + hex(live.address) + " of " + std::to_string(cache->object_size()) +
                      " bytes, allocated by " + hex(live.caller) + " on CPU " + std::to_string(live.cpu) +
                      " as number " + std::to_string(live.stamp));
    });
  }
  return lines;
}

// --- shrinking

void SlabRegistry::register_shrinker(Shrinker &shrinker) {
  const LockGuard guard(shrinkers_mutex_);
  shrinkers_.push_back(&shrinker);
}

void SlabRegistry::unregister_shrinker(Shrinker &shrinker) {
  const LockGuard guard(shrinkers_mutex_);
  std::erase(shrinkers_, &shrinker);
}

std::uint64_t SlabRegistry::shrink_caches() {
  const LockGuard guard(mutex_);
  std::uint64_t frames = 0;
  for (const auto &cache : caches_) frames += cache->shrink();
  return frames;
}

std::uint64_t SlabRegistry::shrink(unsigned priority) {
  {
    const LockGuard guard(shrinkers_mutex_);
    for (Shrinker *shrinker : shrinkers_) {
      const std::uint64_t share = shrinker->count() >> std::min(priority, 63u);
      // The dearer an object is to make again, the fewer are asked for.
      const std::uint64_t wanted = shrinker->seeks() == 0 ? share : share * 2 / shrinker->seeks();
      if (wanted != 0) shrinker->scan(wanted);
    }
  }
  return shrink_caches();
}

// --- for policies

void SlabRegistry::report(const MisuseReport &report, bool debugged) {
  if (on_misuse_) {
    on_misuse_(report);
    return;
  }
  if (debugged) broken(to_string(report).c_str());
}

void SlabRegistry::refuse(Misuse kind, const char *who, const void *object, const void *caller) {
  wild_frees_.fetch_add(1, std::memory_order_relaxed);
  report({kind, who, object, caller, {}}, any(options_.checks));
}

std::byte *SlabRegistry::take_slab(Order order, Gfp gfp, CacheFlags flags, NodeId node) {
  const bool reclaimable = has(flags, CacheFlags::ReclaimAccount);
  const Gfp wanted = (gfp & ~(Gfp::Zero | Gfp::Movable | Gfp::HighMem)) | (reclaimable ? Gfp::Reclaimable : Gfp::None);
  Result<std::byte *> block = source_.allocate(order, FrameKind::Slab, wanted, node);
  // Empty slabs that CPUs keep for themselves come back before memory is out.
  if (!block && any(gfp & Gfp::DirectReclaim) && shrink_caches() != 0)
    block = source_.allocate(order, FrameKind::Slab, wanted, node);
  if (!block) return nullptr;
  (reclaimable ? reclaimable_ : unreclaimable_).fetch_add(1ull << order, std::memory_order_relaxed);
  return *block;
}

void SlabRegistry::give_slab(std::byte *slab, Order order, CacheFlags flags) {
  (has(flags, CacheFlags::ReclaimAccount) ? reclaimable_ : unreclaimable_)
      .fetch_sub(1ull << order, std::memory_order_relaxed);
  source_.free(slab, order);
}

} // namespace pagoda::phys
