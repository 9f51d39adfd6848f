// Operations on caches of every policy against a plain model: which objects are live, and what stands
// in them. Frames run out, caches are shrunk, and objects are freed twice, in the middle and to the
// wrong cache.
//
// Input: one byte that chooses the policy, then 4-byte operations {what, cache, which, extra}.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "mmu/base/broken.hpp"
#include "mmu/base/failpoint.hpp"
#include "mmu/phys/kmalloc.hpp"
#include "tests/support/kernel_memory.hpp"

namespace pagoda::phys {
namespace {

void require(bool holds, const char *what) {
  if (!holds) broken(what);
}

constexpr std::array<std::size_t, 4> kSizes{8, 40, 700, 5000};
constexpr std::size_t kMostLive = 300;

struct Operation {
  std::uint8_t what, cache, which, extra;
};

struct Object {
  std::byte *at;
  std::size_t bytes;
  std::uint8_t stamp;
};

class Machine {
public:
  explicit Machine(std::uint8_t kind) : memory_(8ull << 20, options(kind)), kmalloc_(memory_.registry) {
    // SLOB's pages are shared by all caches.
    tells_caches_apart_ = memory_.registry.options().policy != SlabPolicy::Slob;
    for (std::size_t i = 0; i < kSizes.size(); ++i)
      caches_[i] =
          &memory_.cache({.name = "cache-" + std::to_string(i), .size = kSizes[i], .flags = CacheFlags::NoMerge});
  }

  void run(const Operation &op) {
    Cache &cache = *caches_[op.cache % kSizes.size()];
    std::vector<Object> &live = live_[op.cache % kSizes.size()];
    failpoint::frame_allocation.fail_at(op.extra % 16 == 15 ? 1 + op.extra / 16 : 0);
    switch (op.what % 8) {
    case 0:
    case 1: allocate(cache, live, op.extra); break;
    case 2: free(cache, live, op.which); break;
    case 3: misuse(cache, live, op); break;
    case 4: cache.shrink(); break;
    case 5: allocate_any(op); break;
    case 6: reallocate_any(op); break;
    case 7: free_any(op.which); break;
    }
    failpoint::frame_allocation.fail_at(0);
    require(cache.invariant().empty(), "an invariant is broken");
    require(cache.figures().active_objects == live.size(), "live objects are miscounted");
  }

  void finish() {
    for (std::size_t i = 0; i < kSizes.size(); ++i)
      while (!live_[i].empty()) free(*caches_[i], live_[i], 0);
    while (!blocks_.empty()) free_any(0);
    require(memory_.registry.leaks().empty(), "something leaked");
    memory_.registry.shrink();
    require(memory_.arena->in_use() == 0, "a frame leaked");
  }

private:
  static SlabOptions options(std::uint8_t kind) {
    constexpr std::array<SlabOptions, 4> kKinds{{{SlabPolicy::Slub, CacheFlags::None, true},
                                                 {SlabPolicy::Slab, CacheFlags::None, true},
                                                 {SlabPolicy::Slob, CacheFlags::None, true},
                                                 {SlabPolicy::Slub, CacheFlags::AllChecks, true}}};
    return kKinds[kind % kKinds.size()];
  }
  static void fill(Object &object, std::uint8_t stamp) {
    object.stamp = stamp;
    std::memset(object.at, stamp, object.bytes);
  }
  static void check(const Object &object) {
    const bool whole = std::all_of(object.at, object.at + object.bytes,
                                   [&](std::byte each) { return each == std::byte{object.stamp}; });
    require(whole, "an object was overwritten");
  }

  void allocate(Cache &cache, std::vector<Object> &live, std::uint8_t stamp) {
    if (live.size() == kMostLive) return;
    void *at = cache.allocate((stamp & 1) != 0 ? Gfp::Kernel | Gfp::Zero : Gfp::Kernel);
    if (at == nullptr) return;
    live.push_back({static_cast<std::byte *>(at), cache.object_size(), 0});
    if ((stamp & 1) != 0) check(live.back());
    fill(live.back(), stamp);
  }
  void free(Cache &cache, std::vector<Object> &live, std::size_t which) {
    if (live.empty()) return;
    Object &object = live[which % live.size()];
    check(object);
    cache.free(object.at);
    object = live.back();
    live.pop_back();
  }
  // The manager refuses each of these: nothing changes but its counters.
  void misuse(Cache &cache, std::vector<Object> &live, const Operation &op) {
    if (live.empty()) return;
    const Object &object = live[op.which % live.size()];
    const std::size_t before = memory_.reports.size();
    switch (op.extra % 3) {
    case 0: cache.free(object.at + 1 + op.extra % 3); break;
    case 1:
      if (!tells_caches_apart_) return;
      caches_[(op.cache + 1) % kSizes.size()]->free(object.at);
      break;
    case 2: cache.free(&memory_); break;
    }
    require(memory_.reports.size() == before + 1, "misuse went unnoticed");
    check(object);
  }

  void allocate_any(const Operation &op) {
    if (blocks_.size() == kMostLive) return;
    const std::size_t bytes = 1 + (std::size_t{op.which} << (op.extra % 10));
    void *at = kmalloc_.allocate(bytes);
    if (at == nullptr) return;
    require(kmalloc_.size_of(at) >= bytes, "a block is too small");
    blocks_.push_back({static_cast<std::byte *>(at), bytes, 0});
    fill(blocks_.back(), op.extra);
  }
  void reallocate_any(const Operation &op) {
    if (blocks_.empty()) return;
    Object &block = blocks_[op.which % blocks_.size()];
    const std::size_t bytes = 1 + std::size_t{op.extra} * 37;
    void *at = kmalloc_.reallocate(block.at, bytes);
    if (at == nullptr) return check(block);
    block.at = static_cast<std::byte *>(at);
    block.bytes = std::min(block.bytes, bytes);
    check(block);
    block.bytes = bytes;
    fill(block, op.what);
  }
  void free_any(std::size_t which) {
    if (blocks_.empty()) return;
    Object &block = blocks_[which % blocks_.size()];
    check(block);
    kmalloc_.free(block.at);
    block = blocks_.back();
    blocks_.pop_back();
  }

  test::KernelMemory memory_;
  Kmalloc kmalloc_;
  bool tells_caches_apart_ = true;
  std::array<Cache *, kSizes.size()> caches_{};
  std::array<std::vector<Object>, kSizes.size()> live_;
  std::vector<Object> blocks_;
};

} // namespace
} // namespace pagoda::phys

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using pagoda::phys::Operation;
  if (size < 1) return 0;
  pagoda::phys::Machine machine(data[0]);
  for (std::size_t at = 1; at + sizeof(Operation) <= std::min<std::size_t>(size, 4096); at += sizeof(Operation)) {
    Operation op{};
    std::memcpy(&op, data + at, sizeof op);
    machine.run(op);
  }
  machine.finish();
  return 0;
}
