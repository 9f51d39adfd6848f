// kmap: addresses of the kernel for frames of HIGHMEM, in a window of a few slots, held as long as needed.
//
// A frame of low memory has its address in the direct map already and takes no slot. A frame of HIGHMEM
// has one slot however many users it has. A slot whose last user went keeps its frame, and its entry may
// linger in TLBs: it is found again by the same frame at no cost, and given to another only after the
// flush. That flush is one for all such slots, when the search for a slot comes round the window.
//
// Source: Linux, mm/highmem.c (kmap_high, map_new_virtual, flush_all_zero_pkmaps).
//
// Invariants (`invariant()`): a frame has at most one slot, and it is of HIGHMEM; a slot is found by its
// frame exactly while it holds one.
//
// Lock: its own; `flush` is called with it held.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mmu/base/error.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/space/layout32/kernel_layout32.hpp"

namespace pagoda::space {

struct KmapFigures {
  unsigned slots = 0;
  unsigned used = 0;         // with users
  unsigned lingering = 0;    // without users, waiting for the flush
  std::uint64_t flushes = 0; // since creation
};

class Kmap {
public:
  // Makes the processor forget the addresses of these pages.
  using Flush = std::function<void(std::span<const Gva> pages)>;

  Kmap(const KernelLayout32 &layout, const phys::PhysicalMemory &memory, Flush flush = {});

  // One more user of the frame. Busy: every slot has users; Linux sleeps there until one goes, here the
  // caller decides. Invalid: no RAM.
  [[nodiscard]] Result<Gva> map(Gfn frame);
  // One user less of the page. NotMapped: the address was not given by `map`, or has no users left.
  Result<> unmap(Gva gva);
  // What the entry of that page holds, lingering ones included.
  [[nodiscard]] std::optional<Gfn> frame_at(Gva gva) const;

  [[nodiscard]] KmapFigures figures() const;
  [[nodiscard]] std::string invariant() const;

private:
  static constexpr std::uint16_t kNone = 0xffff;
  static constexpr unsigned kBuckets = 128;
  // `count` as Linux has it: 0 free and flushed, 1 lingering, else one more than its users.
  struct Slot {
    Gfn frame;
    std::uint32_t count = 0;
    std::uint16_t next = kNone; // in its bucket
  };

  [[nodiscard]] static unsigned bucket_of(Gfn frame) { return unsigned(frame.number() % kBuckets); }
  [[nodiscard]] Gva address(unsigned slot) const { return layout_.kmap.begin + (std::uint64_t{slot} << kPageShift); }
  [[nodiscard]] std::uint16_t count() const { return std::uint16_t(layout_.kmap_slots()); }
  [[nodiscard]] std::uint16_t find(Gfn frame) const PAGODA_REQUIRES(mutex_);
  [[nodiscard]] std::optional<std::uint16_t> free_slot() PAGODA_REQUIRES(mutex_);
  void forget(std::uint16_t slot) PAGODA_REQUIRES(mutex_);
  void flush_lingering() PAGODA_REQUIRES(mutex_);

  const KernelLayout32 layout_;
  const phys::PhysicalMemory &memory_;
  const Flush flush_;
  mutable Mutex mutex_;
  std::vector<Slot> slots_ PAGODA_GUARDED_BY(mutex_);
  std::array<std::uint16_t, kBuckets> buckets_ PAGODA_GUARDED_BY(mutex_); // first slot of each
  std::uint16_t last_ PAGODA_GUARDED_BY(mutex_) = 0;                      // where the search ended
  std::vector<Gva> flushed_ PAGODA_GUARDED_BY(mutex_);                    // room for one flush
  std::uint64_t flushes_ PAGODA_GUARDED_BY(mutex_) = 0;
};

} // namespace pagoda::space
