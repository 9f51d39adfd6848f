#include "mmu/phys/slab/cache.hpp"

#include "mmu/phys/slab/registry.hpp"
#include "mmu/phys/slab/slab_site.hpp"

namespace pagoda {

namespace failpoint {
Site slab_allocation{"slab_allocation"};
namespace {
const Registration registered(slab_allocation);
}
} // namespace failpoint

namespace phys {

namespace {

// With its top bit set no link xor it is an address, and zeroes never decode to a link.
constexpr std::uintptr_t kTopBit = std::uintptr_t{1} << 63;

} // namespace

Cache::Cache(SlabRegistry &registry, std::uint16_t id, CacheSpec spec, const SlabLayout &layout)
    : layout_(layout), key_(registry.secret_for(id) | kTopBit), slab_bytes_(layout.bytes()), source_(registry.source()),
      id_(id), registry_(registry), spec_(std::move(spec)) {}

Cache::~Cache() = default;

void *Cache::allocate_slowly(Gfp gfp, const void *caller) {
  void *object = policy_->allocate(gfp, caller);
  if (object != nullptr && has(gfp, Gfp::Zero)) std::memset(object, 0, layout_.size);
  return object;
}

// The second path of SLUB: to a slab that this CPU owns and that has free objects already. Whatever is
// not plainly that is the policy's. The caches of other policies have no slab with an owner.
void Cache::free_elsewhere(void *object, const void *caller) {
  const unsigned slot = pagoda::detail::current_cpu_slot;
  if (slot >= kCpuSlots || !source_.contains(object)) return policy_->free(object, caller);
  const KernelPage &page = source_.page(object);
  KernelPage &slab = source_.head(page);
  const auto base = reinterpret_cast<std::uintptr_t>(source_.address(slab));
  const auto address = reinterpret_cast<std::uintptr_t>(object);
  if (page.cache != id_ || layout_.index(address - base) >= layout_.objects) return policy_->free(object, caller);
  Link &link = link_at(address, layout_.link);
  CpuSlab &cpu = cpus_[slot];
  if ((link ^ key_) - base < slab_bytes_) return policy_->free(object, caller);
  if (!cpu.lock.try_enter_plainly()) return policy_->free_known(slab, address, caller);
  // Neither full nor current: those have no free list of their own. Nor empty after this.
  if (RemoteFrees::owner_of(slab.remote.load(std::memory_order_acquire)) == slot &&
      slab.freelist != KernelPage::kNone && slab.in_use > 1) {
    link = (base + slab.freelist) ^ key_;
    slab.freelist = std::uint32_t(address - base);
    --slab.in_use;
    cpu.lock.leave();
    return;
  }
  // To the slab of another owner that this CPU frees to already.
  PendingFrees &pending = cpu.pending;
  if (pending.count != 0 && pending.slab == source_.number(slab) && pending.count + 1 < PendingFrees::kMost) {
    link = (base + pending.first) ^ key_;
    pending.first = std::uint32_t(address - base);
    ++pending.count;
    cpu.lock.leave();
    return;
  }
  cpu.lock.leave();
  policy_->free_known(slab, address, caller);
}

CacheFigures Cache::figures() const {
  CacheFigures figures;
  figures.name = spec_.name;
  figures.aliases = aliases_;
  figures.policy = registry_.options().policy;
  figures.flags = spec_.flags;
  figures.object_size = layout_.size;
  figures.stride = layout_.stride;
  figures.objects_per_slab = layout_.objects;
  figures.pages_per_slab = 1ull << layout_.order;
  policy_->count(figures);
  for (const auto &kind : misuses_) figures.misuses += kind.load(std::memory_order_relaxed);
  const std::uint64_t wanted = figures.total_objects * figures.object_size;
  figures.waste_bytes = figures.bytes() > wanted ? figures.bytes() - wanted : 0;
  return figures;
}

void Cache::misused(Misuse kind, const void *object, const void *caller, std::string detail) {
  misuses_[unsigned(kind)].fetch_add(1, std::memory_order_relaxed);
  registry_.report({kind, spec_.name, object, caller, std::move(detail)}, debugged());
}

} // namespace phys
} // namespace pagoda
