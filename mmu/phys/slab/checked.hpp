// A debug cache: every allocation and every free is checked, and misuse is named at once with those
// who had the object before. It is slow, and the same whichever policy the others have.
//
// An object lies between two redzones; behind them stand its state, the link of the free list and the
// tracks of its last allocation and free:
//
//   | left redzone | object | right redzone, to 8 bytes and 8 more | state, link, two tracks |
//
// A free object is filled with poison (unless it has a constructor); both the poison and the redzones
// are looked at before it is handed out again and when it comes back.
//
// Invariants: the state of each object agrees with the free list of its slab.
#pragma once

#include "mmu/base/lock.hpp"
#include "mmu/phys/slab/cache.hpp"

namespace pagoda::phys {

class Checked final : public CachePolicy {
public:
  // Bytes that the checks add to an object.
  [[nodiscard]] static std::size_t extra(const CacheSpec &spec);

  explicit Checked(Cache &cache);
  ~Checked() override;

  [[nodiscard]] void *allocate(Gfp gfp, const void *caller) override;
  void free(void *object, const void *caller) override;
  std::uint64_t shrink() override;
  void count(CacheFigures &figures) override;
  [[nodiscard]] std::string invariant() override;
  void for_each_live(const std::function<void(const LiveObject &)> &visit) override;

private:
  struct Track {
    const void *caller;
    std::uint64_t stamp : 48;
    std::uint64_t cpu : 16;
  };
  enum class State : std::uint32_t { Free = 0xf1eef1ee, Live = 0xa11cea11 };
  struct Meta {
    State state;
    std::uint32_t next; // object of the slab, kNoObject ends the list
    Track allocated, freed;
  };
  static constexpr std::uint32_t kNoObject = ~0u;

  [[nodiscard]] std::byte *slot_of(const KernelPage &slab, std::uint32_t index) const;
  [[nodiscard]] std::byte *object_of(const KernelPage &slab, std::uint32_t index) const;
  [[nodiscard]] Meta &meta_of(const KernelPage &slab, std::uint32_t index) const;
  [[nodiscard]] bool checks(CacheFlags flag) const { return has(cache_.spec().flags, flag); }
  [[nodiscard]] bool poisons() const { return checks(CacheFlags::Poison) && cache_.spec().constructor == nullptr; }
  void fill(std::byte *object, bool free) const;
  // Nothing overwritten, else what was.
  [[nodiscard]] bool intact(const std::byte *object, bool free, Misuse &why, std::string &detail) const;
  [[nodiscard]] static Track track(const void *caller, std::uint64_t stamp);
  [[nodiscard]] std::string history(const Meta &meta) const;
  [[nodiscard]] bool grow(Gfp gfp) PAGODA_EXCLUDES(mutex_);
  void *take_locked(const void *caller, Misuse &why, std::string &detail, const void *&broken) PAGODA_REQUIRES(mutex_);
  [[nodiscard]] std::string check_slab_locked(const KernelPage &slab) const PAGODA_REQUIRES(mutex_);

  Cache &cache_;
  FrameSource &source_;
  const std::size_t left_; // bytes in front of an object
  const std::size_t meta_; // offset of its meta from its slot
  Mutex mutex_;
  std::uint32_t partial_ PAGODA_GUARDED_BY(mutex_) = 0; // empty ones included
  std::uint32_t full_ PAGODA_GUARDED_BY(mutex_) = 0;
  std::uint64_t stamp_ PAGODA_GUARDED_BY(mutex_) = 0;
};

} // namespace pagoda::phys
