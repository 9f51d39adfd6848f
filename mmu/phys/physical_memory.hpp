// Guest-physical memory: the backing mapping, its descriptors and the buddy that hands frames out.
//
// The backing is one host mapping that covers [0, end of RAM); RAM above 3 GiB continues at 4 GiB,
// and the hole between is reserved address space without frames. So Hva = base + Gpa everywhere, and
// a descriptor is one shift and one load away.
//
// Invariants (`invariant()`): every managed frame is either in exactly one free block or allocated;
// free blocks are aligned to their size, never overlap, and no two free buddies of the same order
// stand side by side; free + allocated = managed. Frame 0 is never handed out: Gfn 0 means none.
//
// Locks: `mutex_` guards the buddy and the counters, for a few loads and stores at a time; frames are
// zeroed outside it, and references to a frame that is held are counted without it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/buddy.hpp"
#include "mmu/phys/frame.hpp"

namespace pagoda::phys {

inline constexpr Gpa kHoleBegin{3ull << 30};
inline constexpr Gpa kHoleEnd{4ull << 30};

// More is refused by rounding down: links are 32 bits.
inline constexpr std::uint64_t kMaxMemory = 8ull << 40;

// The RAM ranges of a guest of `bytes`, rounded down to frames: one, or two around the hole.
struct Layout {
  explicit Layout(std::uint64_t bytes);
  std::array<GpaRange, 2> ranges; // the second is empty for small guests
  [[nodiscard]] Gpa end() const;
};

enum class Zeroed : bool { No, Yes };

// Counters since creation; a snapshot, in frames unless the name says otherwise.
struct Counters {
  std::uint64_t managed = 0;
  std::uint64_t free = 0;
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  std::uint64_t failures = 0;                             // allocations refused
  std::uint64_t refused_frees = 0;                        // double or wild frees, refused
  std::array<std::uint64_t, kFrameKinds> by_kind{};       // frames now in each kind
  std::array<std::uint64_t, kMaxOrder + 1> free_blocks{}; // free blocks of each order
};

class PhysicalMemory {
public:
  // `base`: host address of Gpa 0, valid for [0, layout.end()). Not owned. Throws std::bad_alloc when
  // the host has no address space for the descriptors.
  PhysicalMemory(const Layout &layout, std::byte *base);
  ~PhysicalMemory();
  PhysicalMemory(const PhysicalMemory &) = delete;
  PhysicalMemory &operator=(const PhysicalMemory &) = delete;

  // A block of 2^order frames with one reference on its head. The frames may have been used before:
  // they are zeroed unless `zeroed` is No (then the caller overwrites every byte).
  [[nodiscard]] Result<Gfn> allocate(Order order, FrameKind kind, Owner owner, Zeroed zeroed = Zeroed::Yes);
  // Up to out.size() single frames, physically adjacent where that is cheap; how many were had. This
  // is the path of fault-around: one lock for all of them.
  [[nodiscard]] std::size_t allocate_bulk(std::span<Gfn> out, FrameKind kind, Owner owner, Zeroed zeroed);

  void get(Gfn frame); // one more reference; aborts unless the caller holds one already
  // Takes a reference on a frame that may just have been freed: false when it was.
  [[nodiscard]] bool try_get(Gfn frame);
  // Drops one reference; the last one frees the block. A frame without references, or one that is no
  // RAM, is refused and counted.
  void put(Gfn frame);
  void put_all(std::span<const Gfn> frames); // as put for each, with one lock for many

  [[nodiscard]] std::byte *host(Gfn frame) const { return base_ + (frame.number() << kPageShift); }
  [[nodiscard]] std::byte *host(Gpa gpa) const { return base_ + gpa.value(); }
  // What is no RAM reads as a Reserved frame.
  [[nodiscard]] const Frame &frame(Gfn gfn) const;
  // RAM, as opposed to a hole or beyond the end.
  [[nodiscard]] bool is_ram(Gfn gfn) const;
  [[nodiscard]] const Layout &layout() const { return layout_; }

  [[nodiscard]] Counters counters() const;
  // Empty when every invariant holds, else what is broken. Slow: walks every descriptor.
  [[nodiscard]] std::string invariant() const;

private:
  // Marks frames that the buddy gave as allocated.
  void adopt_locked(Gfn first, std::uint64_t count, FrameKind kind, Owner owner) PAGODA_REQUIRES(mutex_);
  // A run of single frames, at most out.size(), out of one block; how many.
  [[nodiscard]] std::size_t take_run_locked(std::span<Gfn> out) PAGODA_REQUIRES(mutex_);
  void free_locked(Gfn head) PAGODA_REQUIRES(mutex_);
  // Drops a reference; true when it was the last. Counts a refusal.
  [[nodiscard]] bool drop(Gfn frame) PAGODA_EXCLUDES(mutex_);
  [[nodiscard]] std::string check_kinds_locked() const PAGODA_REQUIRES(mutex_);

  Layout layout_;
  std::byte *base_;
  Frame *frames_ = nullptr; // an anonymous mapping: descriptors cost memory once touched
  std::uint64_t frame_count_ = 0;
  mutable Mutex mutex_;
  Buddy buddy_ PAGODA_GUARDED_BY(mutex_);
  Counters counters_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::phys
