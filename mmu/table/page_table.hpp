// The one page-table template: geometry and bits come from a format policy, memory from a table
// memory. Tables grow on demand and are retired when empty.
//
// Source: Intel SDM vol. 3 ch. 4 (paging), AMD APM vol. 2 ch. 5. Invariants, each proven by tests
// that record every store: an intermediate state of any operation is the old mapping or the new one,
// never a third; out of memory at step N leaves the old mapping; a table is linked only when its
// content is complete. Entries are stored atomically; A and D bits set by the processor meanwhile
// are never lost.
//
// Every address and length given is page aligned, and a range lies in one canonical half; operations
// with a Result refuse others as Invalid, the rest do nothing with them. A range must not cut a
// large leaf in two (nothing here makes one yet): that aborts.
//
// Not locked: the owner (space::Space) serialises writers. The read-only walker (walker.hpp) runs
// beside them without a lock.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>

#include "mmu/base/access.hpp"
#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"
#include "mmu/table/format.hpp"
#include "mmu/table/invalidation_batch.hpp"
#include "mmu/table/mapping.hpp"
#include "mmu/table/table_memory.hpp"

namespace pagoda::table {

template <Format F, TableMemory M> class PageTable {
public:
  // An empty table; `memory` outlives it. `root()` is what CR3 holds.
  static Result<PageTable> create(M &memory);
  PageTable(PageTable &&other) noexcept;
  PageTable &operator=(PageTable &&) = delete;
  ~PageTable(); // aborts unless destroy() ran or nothing was mapped
  [[nodiscard]] Gfn root() const { return root_; }

  // Maps one 4K page; Error::Exists when a leaf is there. A new mapping owes no flush.
  Result<> map(Gva gva, Gfn frame, Prot prot);
  // Maps frames[i] at gva + i*4K, visiting each table once, and returns how many were mapped. A page
  // that has a leaf already keeps it: on_skip(gva, frame) gives that frame back to the caller.
  // OutOfMemory changes nothing and skips nothing.
  template <class OnSkip>
  Result<std::size_t> map_run(Gva gva, std::span<const Gfn> frames, Leaf leaf, OnSkip &&on_skip);
  // Replaces the leaf at gva (COW): notes the old one, does not release its frame. NotMapped without one.
  Result<Mapping> replace(Gva gva, Gfn frame, Prot prot, InvalidationBatch &batch);
  // Leads the leaf at gva to another frame and gives it `prot`; A and D stay. Only for a leaf that has
  // no rights (protect, then flush: nobody can be using it, and no flush is owed): Busy otherwise.
  // NotMapped without a leaf.
  Result<> relocate(Gva gva, Gfn frame, Prot prot);
  // Unmaps every leaf in the range; each old mapping is noted and given to `on_leaf(gva, mapping)`,
  // which decides about its frame. Empty tables are retired into the batch.
  template <class OnLeaf> void unmap(GvaRange range, InvalidationBatch &batch, OnLeaf &&on_leaf);
  // Sets the rights of every leaf in the range; notes those that lost rights.
  void protect(GvaRange range, Prot prot, InvalidationBatch &batch);
  // Moves leaves (mremap) without copying: notes the old addresses. Tables for the target are
  // allocated first; out of memory, or a leaf in the way (Exists), changes nothing. The two ranges
  // must not overlap.
  Result<> move(GvaRange from, Gva to, InvalidationBatch &batch);
  // The leaf that translates gva; `frame` is that of gva's own 4K page, also inside a large leaf.
  [[nodiscard]] std::optional<Mapping> query(Gva gva) const;
  // Calls visit(gva, mapping) for every leaf in the range, in order; skips empty subtrees and what
  // share_top_entry put in.
  template <class Visit> void for_each(GvaRange range, Visit &&visit) const;
  // The same until visit says false.
  template <class Visit> void for_each_until(GvaRange range, Visit &&visit) const;
  // Links a foreign top-level entry (the kernel half) that every other operation leaves alone.
  void share_top_entry(unsigned index, std::uint64_t entry);
  // Unmaps everything but shared entries and retires every table, the root included.
  template <class OnLeaf> void destroy(InvalidationBatch &batch, OnLeaf &&on_leaf);
  [[nodiscard]] std::uint64_t table_pages() const { return tables_; } // the root included

private:
  static constexpr unsigned kEntries = 1u << F::kIndexBits;
  // An entry on the way to some address, and the level of the table it lies in.
  struct Slot {
    Gfn table;
    unsigned index;
    unsigned level;
  };
  // Inclusive, so that the last byte of the address space has a name.
  struct Span {
    std::uint64_t first;
    std::uint64_t last;
  };
  // Tables missing on the way to leaves that are named in ascending order.
  class Missing {
  public:
    explicit Missing(const PageTable &table) : table_(table) { last_.fill(~0ull); }
    void add(Gva gva, unsigned leaf_level);
    [[nodiscard]] std::size_t count() const { return count_; }

  private:
    const PageTable &table_;
    std::array<std::uint64_t, F::kLevels + 1> last_; // by level: the span of the last table counted
    std::size_t count_ = 0;
  };

  PageTable(M &memory, Gfn root) : memory_(&memory), root_(root), tables_(1) {}
  [[nodiscard]] std::uint64_t load(const Slot &slot) const { return memory_->load(slot.table, slot.index); }
  [[nodiscard]] EntryType type(const Slot &slot) const { return F::type(load(slot), slot.level); }
  // The deepest slot that exists on the way to gva, not below `bottom`.
  [[nodiscard]] Slot descend(Gva gva, unsigned bottom) const;
  [[nodiscard]] bool occupied(Gva gva, unsigned level) const;
  [[nodiscard]] Result<> check(Gva gva, std::uint64_t bytes) const;
  [[nodiscard]] static std::optional<Span> span(GvaRange range);
  [[nodiscard]] static Mapping mapping(std::uint64_t entry, unsigned level);
  // Whether a leaf can name the frame.
  [[nodiscard]] static bool addressable(Gfn frame);
  // Whether the leaf at gva reaches out of the span.
  [[nodiscard]] static bool cuts(Span span, Gva gva, unsigned level);
  [[nodiscard]] bool foreign(const Slot &slot) const { return slot.level == F::kLevels && shared_.test(slot.index); }
  [[nodiscard]] bool all_holes(Gfn table, unsigned level) const;
  static void note(Gva gva, std::uint64_t entry, unsigned level, InvalidationBatch &batch);

  // Stores `bottom` into the hole at `slot`, under as many tables as lie between the two levels.
  void link(const Slot &slot, Gva gva, unsigned level, Gfn bottom, TableReserve<M> &reserve);
  void put_leaf(Gva gva, unsigned level, std::uint64_t leaf, TableReserve<M> &reserve);
  template <class OnSkip>
  std::size_t map_in_table(Gva gva, std::span<const Gfn> frames, Leaf leaf, TableReserve<M> &reserve, OnSkip &on_skip);
  Result<> plan_move(GvaRange from, Gva to, Missing &missing) const;
  // Calls visit(slot, gva, entry) for every leaf that the span touches until it says false.
  template <class Visit> bool visit_leaves(Span span, Visit &&visit) const;
  template <class Visit> bool visit_table(Gfn table, unsigned level, Span span, Visit &visit) const;
  template <class OnLeaf> void clear(Span span, InvalidationBatch &batch, OnLeaf &on_leaf);
  // Unlinks and retires the tables under `table` that the span touches and that hold nothing.
  void prune(Gfn table, unsigned level, Span span, InvalidationBatch &batch);

  M *memory_;
  Gfn root_;
  std::uint64_t tables_ = 0;
  std::bitset<kEntries> shared_;
};

} // namespace pagoda::table

#include "mmu/table/page_table_impl.hpp"
