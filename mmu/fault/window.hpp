// What one fault works on, from the look at the areas to the leaves: the plan, and its frames.
//
// A plan is made under the space's mutex, its frames are filled without it, and `commit` takes the
// mutex again: the plan holds the area's source alive and says what must still be true then.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "mmu/fault/fault.hpp"
#include "mmu/phys/request.hpp"
#include "mmu/space/vma.hpp"

namespace pagoda::fault {

// Sets of pages of a window: bit i is the page at begin + i*4K.
using PageMask = std::uint64_t;
static_assert(kFaultAroundMost <= 64);
[[nodiscard]] constexpr PageMask first_pages(std::uint64_t count) {
  return count >= 64 ? ~PageMask(0) : (PageMask(1) << count) - 1;
}

struct Window {
  Case which = Case::DemandZero; // how the fault is reported
  GvaRange range;                // neighbours of the page that faulted, inside its area
  Gva page;                      // the one that faulted
  PageMask holes = 0;            // pages of the range without a leaf; that of `page` is set

  // Copied from the area.
  std::shared_ptr<space::FileStore> file;
  std::shared_ptr<space::SharedObject> object;
  std::uint64_t offset = 0; // of range.begin in the file or object
  space::Mempolicy policy;  // where private pages come from
  std::uint64_t number = 0; // of the page at range.begin, for interleaving

  [[nodiscard]] std::uint32_t index() const { return std::uint32_t((page - range.begin) >> kPageShift); }
  [[nodiscard]] std::uint32_t pages() const { return std::uint32_t(range.length() >> kPageShift); }
  [[nodiscard]] Gva address(std::uint32_t i) const { return range.begin + std::uint64_t(i) * kPageSize; }
  [[nodiscard]] std::uint64_t offset_at(std::uint32_t i) const { return offset + std::uint64_t(i) * kPageSize; }
};

// Frames for some holes of a window, one reference each; those not taken go back at the end.
class Frames {
public:
  explicit Frames(phys::PhysicalMemory &memory) : memory_(memory) {}
  Frames(const Frames &) = delete;
  Frames &operator=(const Frames &) = delete;
  ~Frames();

  // Allocates for the pages of `wanted` under the window's policy; where memory is short, for the page
  // that faulted alone.
  [[nodiscard]] bool allocate(const Window &window, PageMask wanted, const phys::Request &request);
  void adopt(std::uint32_t i, Gfn frame); // takes the caller's reference
  void drop(std::uint32_t i);
  [[nodiscard]] bool has(std::uint32_t i) const { return ((held_ >> i) & 1) != 0; }
  // The run of pages from `first` on that have frames.
  [[nodiscard]] std::span<const Gfn> run(std::uint32_t first) const;
  void taken(std::uint32_t i) { held_ &= ~(PageMask(1) << i); } // a leaf carries the reference now
  [[nodiscard]] phys::PhysicalMemory &memory() const { return memory_; }

private:
  phys::PhysicalMemory &memory_;
  std::array<Gfn, kFaultAroundMost> frames_{};
  PageMask held_ = 0;
};

} // namespace pagoda::fault
