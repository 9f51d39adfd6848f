// A virtual memory area: one contiguous range of a space with one set of rights and one source.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mmu/base/access.hpp"
#include "mmu/base/address.hpp"
#include "mmu/space/file_store.hpp"
#include "mmu/space/mempolicy.hpp"
#include "mmu/space/shared_object.hpp"

namespace pagoda::space {

// What the area is for, as /proc/PID/maps names it.
enum class VmaRole : std::uint8_t { Plain, Heap, Stack, Vdso, Vvar };

// Pages between a growing stack and the area below it (Linux's stack_guard_gap).
inline constexpr std::uint64_t kStackGuardPages = 256;

struct Vma {
  GvaRange range;
  Prot prot = Prot::None;                                   // without User: every area of a process is user memory
  Prot max_prot = Prot::Read | Prot::Write | Prot::Execute; // what mprotect may raise it to
  VmaRole role = VmaRole::Plain;
  bool shared = false;     // MAP_SHARED
  bool grows_down = false; // stack: a fault below, beyond the guard gap, extends it
  bool no_reserve = false;
  bool dont_fork = false;
  bool wipe_on_fork = false;
  bool fixed_frames = false; // frames are not ours (vDSO slot): never freed, never copied

  Mempolicy policy; // where its pages come from; of an object without a file, the object's own goes first

  std::shared_ptr<FileStore> file;      // null for anonymous memory
  std::uint64_t file_offset = 0;        // of range.begin, bytes, page aligned; 0 for private anonymous
  std::shared_ptr<SharedObject> object; // pages shared by every mapping of it; null for private memory

  [[nodiscard]] std::uint64_t pages() const { return range.length() >> kPageShift; }
  // Offset into the file or object of a byte of this area.
  [[nodiscard]] std::uint64_t offset_of(Gva gva) const { return file_offset + (gva - range.begin); }
  // The number that interleaving counts by: of the page in its file or object, else in the space.
  [[nodiscard]] std::uint64_t page_number(Gva gva) const {
    return (has_offset() ? offset_of(gva) : gva.value()) >> kPageShift;
  }
  [[nodiscard]] bool has_offset() const { return file != nullptr || object != nullptr; }
  [[nodiscard]] bool private_anonymous() const { return !has_offset() && !shared && !fixed_frames; }
  // Whether `next`, which begins where this one ends, continues it in every respect.
  [[nodiscard]] bool continues_into(const Vma &next) const;
  // The same area with another range inside this one's; the offset follows.
  [[nodiscard]] Vma part(GvaRange piece) const;
  // Where no other area should begin: the guard gap of a growing stack counts as taken.
  [[nodiscard]] Gva guarded_begin() const;

  // As x86 has it: a page that may be written or executed may also be read.
  [[nodiscard]] bool permits(Access access) const;
  // What a leaf of this area says to the processor: PROT_NONE pages keep their frame, without rights.
  [[nodiscard]] Prot leaf_prot() const { return any(prot) ? prot | Prot::User : Prot::None; }
};

} // namespace pagoda::space
