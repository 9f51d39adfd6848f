// One address space: its areas and its guest page table, and the operations that the mmap family
// of system calls needs. Errors are values; guest/linux translates them into errnos.
//
// Invariants (`invariant()`): a leaf lies inside an area and never has rights that the area lacks; a
// frame mapped here carries one reference for this mapping. `mutex` guards everything; it is never
// held while guest memory is touched through a fallible path, nor while a file is read.
//
// Making downgrades visible: each operation that takes rights away hands its batch to the
// invalidator *before* it releases `mutex`. Released earlier, another thread could map and touch the
// same address while a processor still reaches the old frame through it.
//
// Running short: every operation either happens or leaves the space as it was, except that a remap
// to a fixed place has by then unmapped what was there, as Linux has.
#pragma once

#include <array>
#include <atomic>
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
inline constexpr Gva kUserEnd32{0xc0000000}; // with the 32-bit layout (3G/1G), instead
// Where mmap searches from until the loader says otherwise: the largest gap Linux leaves to a stack.
inline constexpr Gva kDefaultMmapTop = kUserEnd - (128ull << 20) - kStackGuardPages * kPageSize;
// vm.max_map_count: areas live in host memory, so a guest's number of them is bounded.
inline constexpr std::size_t kMaxAreas = 65530;

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

// What a space holds, in 4K pages. Frames of foreign slots (vDSO) are not resident, as in Linux.
struct Usage {
  std::uint64_t virtual_pages = 0;   // VmSize
  std::uint64_t resident_pages = 0;  // VmRSS
  std::uint64_t peak_virtual = 0;    // VmPeak
  std::uint64_t peak_resident = 0;   // VmHWM
  std::uint64_t resident_file = 0;   // part of resident in mappings of files (RssFile)
  std::uint64_t resident_shared = 0; // part of resident in shared memory without a file (RssShmem)
  std::uint64_t table_pages = 0;     // page-table pages, the root included
  std::uint64_t stack_pages = 0;     // virtual, as are the next two
  std::uint64_t data_pages = 0;      // private and writable, stacks apart
  std::uint64_t text_pages = 0;      // executable and not writable
};

// Resident 4K pages of a range, counted by what the page table and the descriptors say.
struct PageFigures {
  std::uint64_t resident = 0;
  std::uint64_t accessed = 0;
  std::uint64_t private_clean = 0, private_dirty = 0; // mapped here alone
  std::uint64_t shared_clean = 0, shared_dirty = 0;   // mapped elsewhere too
  std::uint64_t proportional_bytes = 0;               // each page divided by its mappings (Pss)
};

// Where the resident 4K pages of a range lie, for numa_maps.
struct NumaFigures {
  std::uint64_t pages = 0;
  std::uint64_t anonymous = 0;
  std::uint64_t dirty = 0;
  std::uint64_t most_mappings = 0; // of any one page
  std::array<std::uint64_t, phys::kMaxNodes> by_node{};
};

// Pages that were to move to other nodes. A page that is mapped or pinned elsewhere too stays.
struct Migration {
  std::uint64_t moved = 0;
  std::uint64_t failed = 0;
};
// Under which policy a page of an area that lies on `node` is to be allocated anew; nothing: it stays.
using Destination = std::function<std::optional<Mempolicy>(const Vma &area, Gva page, phys::NodeId node)>;

class KernelMemory; // kernel_memory.hpp: the caches that a space and its areas live in

class Space : public phys::InCache {
public:
  // `kernel_half`: the root entry that every space shares at index `kernel_index` (0: none).
  struct KernelHalf {
    unsigned index = 511;
    std::uint64_t entry = 0;
  };
  static Result<std::shared_ptr<Space>> create(phys::PhysicalMemory &memory, tlb::Invalidator &invalidator,
                                               KernelHalf kernel_half, phys::Owner owner,
                                               KernelMemory *kernel = nullptr);
  ~Space(); // unmaps all; every frame and table goes back
  Space(const Space &) = delete;
  Space &operator=(const Space &) = delete;

  // Returns where it is. OutOfMemory: a limit, or more than the machine could ever back, or (NoSpace)
  // no gap; Exists: FixedNoReplace met an area; Denied: below mmap_min_addr; Invalid: misaligned,
  // empty, or an offset that overflows. A shared area without an object gets one of its own.
  Result<Gva> map(MapRequest request);
  // Ends are rounded out to pages; holes are allowed.
  Result<> unmap(GvaRange range);
  // OutOfMemory: the range has a hole; Denied: an area there forbids it. Nothing is changed then.
  Result<> protect(GvaRange range, Prot prot);
  // mremap(2). NotMapped stands for its EFAULT.
  Result<Gva> remap(Gva old_begin, std::uint64_t old_length, std::uint64_t new_length, RemapFlags flags, Gva fixed);
  // Returns the break that holds afterwards: the old one when the request cannot be met.
  Gva set_break(Gva wanted);
  void set_break_start(Gva start); // by the loader
  [[nodiscard]] Gva current_break() const;
  // Drops private pages: anonymous ones read as zero afterwards, file pages are read again. Free is
  // DontNeed at once, for private anonymous areas alone (Invalid). OutOfMemory: there were holes; the
  // rest is done all the same, as madvise(2) says.
  Result<> advise(GvaRange range, Advice advice);
  // Inherit undoes Omit, Keep undoes Wipe. Wipe: Error::Invalid unless all of it is private anonymous
  // memory. NotMapped when part of the range is a hole.
  Result<> set_fork_behaviour(GvaRange range, ForkBehaviour behaviour);
  // mbind(2): where the pages of the range come from henceforth. NotMapped: a hole, or with the default
  // policy nothing but holes; OutOfMemory: too many areas.
  Result<> set_policy(GvaRange range, const Mempolicy &policy);
  // set_mempolicy_home_node(2). NotMapped: no policy in the range; Unsupported: one that has no home;
  // areas below it have theirs by then, as in Linux.
  Result<> set_home_node(GvaRange range, phys::NodeId node);
  // What was set for the page there (the default: nothing). NotMapped.
  [[nodiscard]] Result<Mempolicy> policy_at(Gva gva) const;
  // Allocates pages of the range anew and copies them. Each lock of the mutex moves a few.
  Migration migrate(GvaRange range, const Destination &destination);
  // Maps frames that are not ours (the vDSO slot) at a fixed place.
  Result<> map_foreign(GvaRange range, Gfn first, Prot prot, VmaRole role);

  // A full copy with pages of its own (fork); shared mappings are shared.
  Result<std::shared_ptr<Space>> fork(phys::Owner owner) const;

  [[nodiscard]] Gfn root() const { return root_; }
  // User addresses end here: kUserEnd, or less by the machine's layout.
  [[nodiscard]] Gva user_end() const { return user_end_; }
  [[nodiscard]] phys::PhysicalMemory &memory() const { return memory_; }
  [[nodiscard]] tlb::Invalidator &invalidator() const { return invalidator_; }
  [[nodiscard]] phys::Owner owner() const { return owner_; }
  [[nodiscard]] Usage usage() const;
  // Areas in order, copied out (for /proc/PID/maps and reports).
  [[nodiscard]] std::vector<Vma> areas() const;
  // Those that touch the range.
  [[nodiscard]] std::vector<Vma> areas(GvaRange range) const;
  // 4K pages present in the range, PROT_NONE ones included.
  [[nodiscard]] std::uint64_t resident_in(GvaRange range) const;
  // How the resident pages of `range` stand, for smaps.
  [[nodiscard]] PageFigures page_figures(GvaRange range) const;
  [[nodiscard]] NumaFigures numa_figures(GvaRange range) const;
  [[nodiscard]] std::optional<table::Mapping> query(Gva gva) const;
  [[nodiscard]] std::string invariant() const;

  void set_limits(const Limits &limits);
  // Where mmap searches from (top) and the seed of its ASLR are the loader's business.
  void set_mmap_top(Gva top);

  // Pins that had to fault a page in first: counted by mmu/fault, collected by whoever adds them up.
  void note_host_fault() { host_faults_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t take_host_faults() { return host_faults_.exchange(0, std::memory_order_relaxed); }

  mutable Mutex mutex; // public for mmu/fault, which is the other half of this class

private:
  friend class SpaceFaultAccess; // mmu/fault reaches areas and table through it, with `mutex` held
  using TableMemory = std::unique_ptr<table::PhysTableMemory>; // at one address for life
  using Batch = table::InvalidationBatch;
  struct Resident {
    std::uint64_t all = 0, file = 0, shared = 0, peak = 0;
  };

  Space(phys::PhysicalMemory &, tlb::Invalidator &, TableMemory, ProcessTable, KernelHalf, phys::Owner, KernelMemory *);

  // placement.cpp: where a request goes, and whether `bytes` more of `area` may exist when `freed`
  // bytes go away in the same operation.
  [[nodiscard]] Result<Gva> place(const MapRequest &request, std::uint64_t length) const PAGODA_REQUIRES(mutex);
  [[nodiscard]] Result<> admit(const Vma &area, std::uint64_t bytes, std::uint64_t freed = 0) const
      PAGODA_REQUIRES(mutex);
  [[nodiscard]] Result<> can_split() const PAGODA_REQUIRES(mutex);

  // unmap.cpp: takes areas and their pages out. The caller lets the areas die after the mutex: the
  // last mapping of a file closes it.
  [[nodiscard]] std::vector<Vma> take_out(GvaRange range, Batch &batch) PAGODA_REQUIRES(mutex);
  void drop_pages(GvaRange range, const Vma &area, Batch &batch) PAGODA_REQUIRES(mutex);
  void finish(Batch batch) PAGODA_REQUIRES(mutex);
  void insert(Vma area) PAGODA_REQUIRES(mutex);
  void grow_down(Gva vma_begin, Gva new_begin) PAGODA_REQUIRES(mutex);

  // remap.cpp
  struct Remap;
  [[nodiscard]] Result<Gva> remap_locked(Remap &remap, std::vector<Vma> &gone) PAGODA_REQUIRES(mutex);
  [[nodiscard]] Result<Gva> remap_move(const Remap &remap, const Vma &source, std::vector<Vma> &gone)
      PAGODA_REQUIRES(mutex);

  // migrate.cpp: the pages that one lock of the mutex moves.
  struct Movers;
  [[nodiscard]] Gva choose_movers(GvaRange range, const Destination &destination, Movers &movers)
      PAGODA_REQUIRES(mutex);
  void move_pages(Movers &movers) PAGODA_REQUIRES(mutex);

  // fork.cpp
  Result<> copy_area(const Vma &area, Space &child) const PAGODA_REQUIRES(mutex, child.mutex);

  // usage.cpp
  void count(const Vma &area, std::uint64_t pages) PAGODA_REQUIRES(mutex);
  void uncount(const Vma &area, std::uint64_t pages) PAGODA_REQUIRES(mutex);
  [[nodiscard]] std::uint64_t data_bytes() const PAGODA_REQUIRES(mutex);

  phys::PhysicalMemory &memory_;
  tlb::Invalidator &invalidator_;
  const phys::Owner owner_;
  KernelMemory *const kernel_; // null: the heap
  const KernelHalf kernel_half_;
  const Gfn root_;
  const Gva user_end_;
  TableMemory table_memory_;
  ProcessTable table_ PAGODA_GUARDED_BY(mutex);
  VmaTree areas_ PAGODA_GUARDED_BY(mutex);
  Resident resident_ PAGODA_GUARDED_BY(mutex);
  std::uint64_t peak_virtual_ PAGODA_GUARDED_BY(mutex) = 0; // bytes
  Limits limits_ PAGODA_GUARDED_BY(mutex);
  Gva mmap_top_ PAGODA_GUARDED_BY(mutex);
  Gva break_start_ PAGODA_GUARDED_BY(mutex);
  Gva break_ PAGODA_GUARDED_BY(mutex);
  std::atomic<std::uint64_t> host_faults_{0};
};

} // namespace pagoda::space
