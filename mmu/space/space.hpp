// One address space: its areas and its guest page table, and the operations that the mmap family
// of system calls needs. Errors are values; guest/linux translates them into errnos.
//
// Invariants: a present leaf lies inside an area and never has rights that the area lacks; a frame
// mapped here carries one reference for this mapping. `mutex` guards everything; it is never held
// while guest memory is touched, nor while a file is read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mmu/base/lock.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/space/vma_tree.hpp"
#include "mmu/table/page_table.hpp"
#include "mmu/table/phys_table_memory.hpp"
#include "mmu/table/x86_64.hpp"
#include "mmu/tlb/invalidator.hpp"

namespace pagoda::space {

using ProcessTable = table::PageTable<table::X86_64, table::PhysTableMemory>;

// User addresses: [kUserBegin, kUserEnd). mmap_min_addr and TASK_SIZE of Linux x86-64.
inline constexpr Gva kUserBegin{0x10000};
inline constexpr Gva kUserEnd{0x7ffffffff000};
// Pages between a growing stack and the area below it (Linux's stack_guard_gap).
inline constexpr std::uint64_t kStackGuardPages = 256;

struct Limits {
  std::uint64_t address_space = ~0ull; // RLIMIT_AS, bytes
  std::uint64_t stack = 8ull << 20;    // RLIMIT_STACK, bytes
  std::uint64_t data = ~0ull;          // RLIMIT_DATA, bytes
};

struct MapRequest {
  std::uint64_t length = 0; // bytes; rounded up to pages
  std::optional<Gva> hint;
  enum class Placement : std::uint8_t { Anywhere, Fixed, FixedNoReplace, Low32 } placement = Placement::Anywhere;
  Vma area; // everything but `range`
};

enum class RemapFlags : std::uint8_t { None = 0, MayMove = 1, Fixed = 2, DontUnmap = 4 };
constexpr RemapFlags operator|(RemapFlags a, RemapFlags b) { return RemapFlags(std::uint8_t(a) | std::uint8_t(b)); }
constexpr bool has(RemapFlags f, RemapFlags bit) { return (std::uint8_t(f) & std::uint8_t(bit)) != 0; }

enum class Advice : std::uint8_t { DontNeed, Free };
// What becomes of an area in a fork's child (MADV_DONTFORK, WIPEONFORK and their opposites).
enum class ForkBehaviour : std::uint8_t { Inherit, Omit, Wipe, Keep };

// What a space holds, in 4K pages.
struct Usage {
  std::uint64_t virtual_pages = 0;  // VmSize
  std::uint64_t resident_pages = 0; // VmRSS
  std::uint64_t peak_virtual = 0;   // VmPeak
  std::uint64_t peak_resident = 0;  // VmHWM
  std::uint64_t resident_file = 0;  // part of resident that came from files
  std::uint64_t resident_shared = 0;
  std::uint64_t table_pages = 0; // page-table pages, the root included
  std::uint64_t stack_pages = 0;
  std::uint64_t data_pages = 0;
  std::uint64_t text_pages = 0;
};

class Space {
public:
  // `kernel_half`: the root entry that every space shares at index `kernel_index` (0: none).
  struct KernelHalf {
    unsigned index = 511;
    std::uint64_t entry = 0;
  };
  static Result<std::shared_ptr<Space>> create(phys::PhysicalMemory &memory, tlb::Invalidator &invalidator,
                                               KernelHalf kernel_half, phys::Owner owner);
  ~Space(); // unmaps all; every frame and table goes back
  Space(const Space &) = delete;
  Space &operator=(const Space &) = delete;

  Result<Gva> map(MapRequest request);
  Result<> unmap(GvaRange range);
  Result<> protect(GvaRange range, Prot prot);
  Result<Gva> remap(Gva old_begin, std::uint64_t old_length, std::uint64_t new_length, RemapFlags flags, Gva fixed);
  // Returns the break that holds afterwards: the old one when the request cannot be met.
  Gva set_break(Gva wanted);
  void set_break_start(Gva start); // by the loader
  [[nodiscard]] Gva current_break() const;
  Result<> advise(GvaRange range, Advice advice);
  // Inherit undoes Omit, Keep undoes Wipe. Wipe: Error::Invalid unless all of it is private anonymous
  // memory. NotMapped when part of the range is a hole.
  Result<> set_fork_behaviour(GvaRange range, ForkBehaviour behaviour);
  // Maps frames that are not ours (the vDSO slot) at a fixed place.
  Result<> map_foreign(GvaRange range, Gfn first, Prot prot, VmaRole role);

  // A full copy with pages of its own (fork); shared mappings are shared.
  Result<std::shared_ptr<Space>> fork(phys::Owner owner) const;

  [[nodiscard]] Gfn root() const { return table_.root(); }
  [[nodiscard]] phys::PhysicalMemory &memory() const { return memory_; }
  [[nodiscard]] tlb::Invalidator &invalidator() const { return invalidator_; }
  [[nodiscard]] phys::Owner owner() const { return owner_; }
  [[nodiscard]] Usage usage() const;
  // Areas in order, copied out (for /proc/PID/maps and reports).
  [[nodiscard]] std::vector<Vma> areas() const;
  // Resident 4K pages of each of the areas that touch `range`.
  [[nodiscard]] std::uint64_t resident_in(GvaRange range) const;
  [[nodiscard]] std::optional<table::Mapping> query(Gva gva) const;
  [[nodiscard]] std::string invariant() const;

  void set_limits(const Limits &limits);
  // Where mmap searches from (top) and the seed of its ASLR are the loader's business.
  void set_mmap_top(Gva top);

  Mutex mutex; // public for mmu/fault, which is the other half of this class

private:
  friend class SpaceFaultAccess; // mmu/fault reaches areas and table through it, with `mutex` held
  Space(phys::PhysicalMemory &, tlb::Invalidator &, ProcessTable table, KernelHalf, phys::Owner);
  phys::PhysicalMemory &memory_;
  tlb::Invalidator &invalidator_;
  // … the implementer's
  VmaTree areas_ PAGODA_GUARDED_BY(mutex);
  ProcessTable table_;
  phys::Owner owner_;
};

} // namespace pagoda::space
