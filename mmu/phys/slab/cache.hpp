// A cache of objects of one kind (kmem_cache), with the local path of SLUB inline.
//
// The local path takes no lock and no atomic instruction: the CPU's free list runs through the free
// objects of its current slab. An address belongs to that slab exactly when it is `base` plus a
// multiple of the stride, one multiplication; so freeing finds a wild pointer and another cache's
// object at no extra cost. Links are stored xor a secret of the cache: an object whose first word
// decodes to a link of its own slab is free already (the chance that live data does is 2^-49 a free;
// such an object would be kept from use, nothing worse).
//
// Everything else (other slabs, other CPUs, other policies, debug caches) is the policy's.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "mmu/base/cpu_slot.hpp"
#include "mmu/phys/frame_source.hpp"
#include "mmu/phys/slab/cpu_slab.hpp"
#include "mmu/phys/slab/layout.hpp"
#include "mmu/phys/slab/policy.hpp"
#include "mmu/phys/slab/spec.hpp"

namespace pagoda::phys {

class SlabRegistry;

class Cache {
public:
  // By SlabRegistry::create.
  Cache(SlabRegistry &registry, std::uint16_t id, CacheSpec spec, const SlabLayout &layout);
  ~Cache();
  Cache(const Cache &) = delete;
  Cache &operator=(const Cache &) = delete;

  // An object, as its constructor or its last user left it; null when there is no memory.
  [[nodiscard, gnu::always_inline]] void *allocate(Gfp gfp = Gfp::Kernel);
  [[nodiscard]] void *allocate_zeroed(Gfp gfp = Gfp::Kernel) { return allocate(gfp | Gfp::Zero); }
  // Null is nothing. Misuse is refused, counted, and in a debug cache reported at once.
  [[gnu::always_inline]] void free(void *object);

  // Gives unused memory of every CPU back; how many frames that freed.
  std::uint64_t shrink() { return policy_->shrink(); }
  [[nodiscard]] CacheFigures figures() const;
  // Empty when every invariant holds; nothing else uses the cache meanwhile.
  [[nodiscard]] std::string invariant() const { return policy_->invariant(); }
  void for_each_live(const std::function<void(const LiveObject &)> &visit) const { policy_->for_each_live(visit); }

  [[nodiscard]] const std::string &name() const { return spec_.name; }
  [[nodiscard]] const CacheSpec &spec() const { return spec_; }
  [[nodiscard]] const SlabLayout &layout() const { return layout_; }
  [[nodiscard]] std::size_t object_size() const { return layout_.size; }
  [[nodiscard]] std::uint16_t id() const { return id_; }
  [[nodiscard]] SlabRegistry &registry() const { return registry_; }
  [[nodiscard]] bool debugged() const { return any(spec_.flags & CacheFlags::AllChecks); }
  [[nodiscard]] std::uint64_t misuses(Misuse kind) const {
    return misuses_[unsigned(kind)].load(std::memory_order_relaxed);
  }

  // For policies.
  void misused(Misuse kind, const void *object, const void *caller, std::string detail = {});
  [[nodiscard]] CpuSlab &cpu(unsigned slot) { return cpus_[slot]; }
  [[nodiscard]] std::uintptr_t key() const { return key_; }
  [[nodiscard]] static Link &link_at(std::uintptr_t object, std::uint32_t offset) {
    return *reinterpret_cast<Link *>(object + offset);
  }

private:
  friend class SlabRegistry;
  [[nodiscard]] void *allocate_slowly(Gfp gfp, const void *caller);
  void free_elsewhere(void *object, const void *caller);

  std::array<CpuSlab, kCpuSlots> cpus_;
  SlabLayout layout_;
  std::uintptr_t key_;
  std::size_t slab_bytes_;
  FrameSource &source_;
  std::uint16_t id_;
  std::unique_ptr<CachePolicy> policy_;
  SlabRegistry &registry_;
  unsigned references_ = 1;          // aliases share one cache; guarded by the registry
  std::vector<std::string> aliases_; // guarded by the registry
  CacheSpec spec_;
  mutable std::array<std::atomic<std::uint64_t>, kMisuseKinds> misuses_{};
};

inline void *Cache::allocate(Gfp gfp) {
  const unsigned slot = pagoda::detail::current_cpu_slot; // no slot yet: above every slot
  if (slot < kCpuSlots) [[likely]] {
    CpuSlab &cpu = cpus_[slot];
    if (cpu.lock.try_enter_plainly()) [[likely]] {
      const std::uintptr_t object = cpu.freelist;
      if ((object & CpuSlab::kEnd) == 0) [[likely]] {
        Link &link = link_at(object, layout_.link);
        cpu.freelist = link ^ key_;
        link = 0; // no link of a free object any more
        cpu.lock.leave();
        void *const result = reinterpret_cast<void *>(object);
        if (has(gfp, Gfp::Zero)) std::memset(result, 0, layout_.size);
        return result;
      }
      cpu.lock.leave();
    }
  }
  return allocate_slowly(gfp, __builtin_return_address(0));
}

inline void Cache::free(void *object) {
  const unsigned slot = pagoda::detail::current_cpu_slot;
  if (slot < kCpuSlots) [[likely]] {
    CpuSlab &cpu = cpus_[slot];
    if (cpu.lock.try_enter_plainly()) [[likely]] {
      const auto address = reinterpret_cast<std::uintptr_t>(object);
      if (layout_.index(address - cpu.base) < cpu.objects) [[likely]] {
        Link &link = link_at(address, layout_.link);
        if ((link ^ key_) - cpu.base >= slab_bytes_) [[likely]] {
          link = cpu.freelist ^ key_;
          cpu.freelist = address;
          cpu.lock.leave();
          return;
        }
      }
      cpu.lock.leave();
    }
  }
  free_elsewhere(object, __builtin_return_address(0));
}

} // namespace pagoda::phys
