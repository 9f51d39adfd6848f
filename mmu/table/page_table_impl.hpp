// Bodies of page_table.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <utility>

#include "mmu/base/broken.hpp"
#include "mmu/base/checked.hpp"
#include "mmu/table/page_table.hpp"

namespace pagoda::table {

// --- making and ending

template <Format F, TableMemory M> Result<PageTable<F, M>> PageTable<F, M>::create(M &memory) {
  Result<Gfn> root = memory.allocate();
  if (!root) return unexpected(root.error());
  return PageTable(memory, *root);
}

template <Format F, TableMemory M>
PageTable<F, M>::PageTable(PageTable &&other) noexcept
    : memory_(other.memory_), root_(std::exchange(other.root_, Gfn{})), tables_(std::exchange(other.tables_, 0)),
      shared_(std::exchange(other.shared_, {})) {}

template <Format F, TableMemory M> PageTable<F, M>::~PageTable() {
  if (tables_ > 1) broken("a page table ends with mappings in it");
  if (tables_ == 1) memory_->release(root_);
}

template <Format F, TableMemory M>
template <class OnLeaf>
void PageTable<F, M>::destroy(InvalidationBatch &batch, OnLeaf &&on_leaf) {
  if (tables_ == 0) return;
  // The two canonical halves; what lies between them is no address.
  const std::uint64_t half = span_of<F>(F::kLevels) << (F::kIndexBits - 1);
  for (Span each : {Span{0, half - 1}, Span{~(half - 1), ~0ull}}) clear(each, batch, on_leaf);
  batch.retire_table(root_);
  root_ = Gfn{};
  tables_ = 0;
}

template <Format F, TableMemory M> void PageTable<F, M>::share_top_entry(unsigned index, std::uint64_t entry) {
  if (index >= kEntries || memory_->load(root_, index) != 0) broken("a shared top-level entry needs an empty slot");
  shared_.set(index);
  memory_->store(root_, index, entry);
}

// --- small steps

template <Format F, TableMemory M>
typename PageTable<F, M>::Slot PageTable<F, M>::descend(Gva gva, unsigned bottom) const {
  Slot slot{root_, index_of<F>(gva, F::kLevels), F::kLevels};
  while (slot.level > bottom) {
    const std::uint64_t entry = load(slot);
    if (F::type(entry, slot.level) != EntryType::Table) break;
    const Gfn next = Gfn::of(F::address(entry, slot.level));
    slot = {next, index_of<F>(gva, slot.level - 1), slot.level - 1};
  }
  return slot;
}

template <Format F, TableMemory M> bool PageTable<F, M>::occupied(Gva gva, unsigned level) const {
  const Slot slot = descend(gva, level);
  return type(slot) == EntryType::Leaf || (slot.level == level && type(slot) == EntryType::Table);
}

template <Format F, TableMemory M> std::optional<typename PageTable<F, M>::Span> PageTable<F, M>::span(GvaRange range) {
  if (range.empty() || !range.begin.page_aligned() || !range.end.page_aligned()) return std::nullopt;
  const Span result{range.begin.value(), range.end.value() - 1};
  // Canonical: all bits from the top translated one upwards are equal, and equal at both ends.
  constexpr unsigned top = kPageShift + F::kIndexBits * F::kLevels - 1;
  const std::uint64_t low = std::uint64_t(std::int64_t(result.first) >> top);
  const std::uint64_t high = std::uint64_t(std::int64_t(result.last) >> top);
  if (low != high || (low != 0 && low != ~0ull)) return std::nullopt;
  return result;
}

template <Format F, TableMemory M> Result<> PageTable<F, M>::check(Gva gva, std::uint64_t bytes) const {
  const auto end = checked_add(gva.value(), bytes);
  if (!end) return unexpected(Error::Invalid);
  const auto whole = span({gva, Gva(*end)});
  if (!whole) return unexpected(Error::Invalid);
  for (unsigned i = index_of<F>(gva, F::kLevels); i <= index_of<F>(Gva(whole->last), F::kLevels); ++i)
    if (shared_.test(i)) return unexpected(Error::Denied);
  return {};
}

template <Format F, TableMemory M> Mapping PageTable<F, M>::mapping(std::uint64_t entry, unsigned level) {
  return {.frame = Gfn::of(F::address(entry, level)),
          .prot = F::prot(entry),
          .level = level,
          .accessed = F::accessed(entry),
          .dirty = F::dirty(entry)};
}

template <Format F, TableMemory M> bool PageTable<F, M>::addressable(Gfn frame) {
  return frame.gpa().value() >> kPageShift == frame.number() &&
         F::address(F::leaf(frame.gpa(), Prot::Read, 1), 1) == frame.gpa();
}

template <Format F, TableMemory M> bool PageTable<F, M>::cuts(Span span, Gva gva, unsigned level) {
  return gva.value() < span.first || gva.value() + (span_of<F>(level) - 1) > span.last;
}

template <Format F, TableMemory M> bool PageTable<F, M>::all_holes(Gfn table, unsigned level) const {
  for (unsigned i = 0; i < kEntries; ++i)
    if (F::type(memory_->load(table, i), level) != EntryType::Hole) return false;
  return true;
}

template <Format F, TableMemory M>
void PageTable<F, M>::note(Gva gva, std::uint64_t entry, unsigned level, InvalidationBatch &batch) {
  if (!F::cacheable(entry)) return;
  batch.note({gva, Gfn::of(F::address(entry, level)), std::uint32_t(span_of<F>(level) >> kPageShift)});
}

template <Format F, TableMemory M> void PageTable<F, M>::Missing::add(Gva gva, unsigned leaf_level) {
  const Slot slot = table_.descend(gva, leaf_level);
  if (table_.type(slot) == EntryType::Leaf) return; // nothing will be linked below it
  for (unsigned level = leaf_level; level < slot.level; ++level) {
    const std::uint64_t which = gva.value() / span_of<F>(level + 1);
    if (last_[level] == which) continue;
    last_[level] = which;
    ++count_;
  }
}

// --- mapping

template <Format F, TableMemory M>
void PageTable<F, M>::link(const Slot &slot, Gva gva, unsigned level, Gfn bottom, TableReserve<M> &reserve) {
  ++tables_;
  for (++level; level < slot.level; ++level, ++tables_) {
    const Gfn above = reserve.take();
    memory_->store(above, index_of<F>(gva, level), F::table(bottom.gpa()));
    bottom = above;
  }
  memory_->store(slot.table, slot.index, F::table(bottom.gpa()));
}

template <Format F, TableMemory M>
void PageTable<F, M>::put_leaf(Gva gva, unsigned level, std::uint64_t leaf, TableReserve<M> &reserve) {
  const Slot slot = descend(gva, level);
  if (slot.level == level) return memory_->store(slot.table, slot.index, leaf);
  const Gfn table = reserve.take();
  memory_->store(table, index_of<F>(gva, level), leaf);
  link(slot, gva, level, table, reserve);
}

template <Format F, TableMemory M> Result<> PageTable<F, M>::map(Gva gva, Gfn frame, Prot prot) {
  Result<std::size_t> mapped = map_run(gva, std::span(&frame, 1), prot, [](Gva, Gfn) {});
  if (!mapped) return unexpected(mapped.error());
  if (*mapped == 0) return unexpected(Error::Exists);
  return {};
}

template <Format F, TableMemory M>
template <class OnSkip>
Result<std::size_t> PageTable<F, M>::map_run(Gva gva, std::span<const Gfn> frames, Leaf leaf, OnSkip &&on_skip) {
  if (frames.empty()) return std::size_t{0};
  const auto bytes = checked_mul<std::uint64_t>(frames.size(), kPageSize);
  if (!bytes) return unexpected(Error::Invalid);
  if (Result<> ok = check(gva, *bytes); !ok) return unexpected(ok.error());
  if (!std::ranges::all_of(frames, addressable)) return unexpected(Error::Invalid);

  const auto run_at = [&](std::size_t i) {
    return std::min<std::size_t>(frames.size() - i, kEntries - index_of<F>(gva + i * kPageSize, 1));
  };
  Missing missing(*this);
  for (std::size_t i = 0; i < frames.size(); i += run_at(i)) missing.add(gva + i * kPageSize, 1);
  TableReserve<M> reserve(*memory_);
  if (Result<> ok = reserve.fill(missing.count()); !ok) return unexpected(ok.error());

  std::size_t mapped = 0;
  for (std::size_t i = 0; i < frames.size(); i += run_at(i))
    mapped += map_in_table(gva + i * kPageSize, frames.subspan(i, run_at(i)), leaf, reserve, on_skip);
  return mapped;
}

template <Format F, TableMemory M>
template <class OnSkip>
std::size_t PageTable<F, M>::map_in_table(Gva gva, std::span<const Gfn> frames, Leaf leaf, TableReserve<M> &reserve,
                                          OnSkip &on_skip) {
  const Slot slot = descend(gva, 1);
  const bool covered = slot.level > 1 && type(slot) == EntryType::Leaf; // by a large leaf
  const bool fresh = slot.level > 1 && !covered;
  const Gfn table = fresh ? reserve.take() : slot.table;
  std::size_t mapped = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const unsigned index = index_of<F>(gva, 1) + unsigned(i);
    if (covered || (!fresh && F::type(memory_->load(table, index), 1) != EntryType::Hole)) {
      on_skip(gva + i * kPageSize, frames[i]);
      continue;
    }
    memory_->store(table, index, F::used(F::leaf(frames[i].gpa(), leaf.prot, 1), leaf.use));
    ++mapped;
  }
  if (fresh) link(slot, gva, 1, table, reserve);
  return mapped;
}

template <Format F, TableMemory M>
Result<Mapping> PageTable<F, M>::replace(Gva gva, Gfn frame, Prot prot, InvalidationBatch &batch) {
  if (Result<> ok = check(gva, kPageSize); !ok) return unexpected(ok.error());
  if (!addressable(frame)) return unexpected(Error::Invalid);
  const Slot slot = descend(gva, 1);
  if (type(slot) != EntryType::Leaf) return unexpected(Error::NotMapped);
  if (slot.level != 1) return unexpected(Error::Unsupported);
  const std::uint64_t old = memory_->exchange(slot.table, slot.index, F::leaf(frame.gpa(), prot, 1));
  note(gva, old, 1, batch);
  return mapping(old, 1);
}

template <Format F, TableMemory M> Result<> PageTable<F, M>::relocate(Gva gva, Gfn frame, Prot prot) {
  if (Result<> ok = check(gva, kPageSize); !ok) return ok;
  if (!addressable(frame)) return unexpected(Error::Invalid);
  const Slot slot = descend(gva, 1);
  if (type(slot) != EntryType::Leaf) return unexpected(Error::NotMapped);
  if (slot.level != 1) return unexpected(Error::Unsupported);
  const std::uint64_t entry = load(slot);
  if (F::cacheable(entry)) return unexpected(Error::Busy);
  memory_->store(slot.table, slot.index, F::with_prot(F::with_address(entry, frame.gpa()), prot));
  return {};
}

// --- walking

template <Format F, TableMemory M> std::optional<Mapping> PageTable<F, M>::query(Gva gva) const {
  if (!span({gva.page_floor(), gva.page_floor() + kPageSize})) return std::nullopt;
  const Slot slot = descend(gva, 1);
  const std::uint64_t entry = load(slot);
  if (F::type(entry, slot.level) != EntryType::Leaf) return std::nullopt;
  Mapping found = mapping(entry, slot.level);
  found.frame = found.frame + ((gva.value() & (span_of<F>(slot.level) - 1)) >> kPageShift);
  return found;
}

template <Format F, TableMemory M>
template <class Visit>
bool PageTable<F, M>::visit_leaves(Span span, Visit &&visit) const {
  return visit_table(root_, F::kLevels, span, visit);
}

template <Format F, TableMemory M>
template <class Visit>
bool PageTable<F, M>::visit_table(Gfn table, unsigned level, Span span, Visit &visit) const {
  const std::uint64_t bytes = span_of<F>(level);
  for (std::uint64_t at = span.first & ~(bytes - 1);; at += bytes) {
    const Slot slot{table, index_of<F>(Gva(at), level), level};
    const std::uint64_t entry = foreign(slot) ? 0 : load(slot);
    const EntryType what = F::type(entry, level);
    const std::uint64_t last = at + (bytes - 1);
    if (what == EntryType::Leaf && !visit(slot, Gva(at), entry)) return false;
    if (what == EntryType::Table) {
      const Span part{std::max(at, span.first), std::min(last, span.last)};
      if (!visit_table(Gfn::of(F::address(entry, level)), level - 1, part, visit)) return false;
    }
    if (last >= span.last) return true;
  }
}

template <Format F, TableMemory M>
template <class Visit>
void PageTable<F, M>::for_each(GvaRange range, Visit &&visit) const {
  for_each_until(range, [&](Gva gva, const Mapping &leaf) {
    visit(gva, leaf);
    return true;
  });
}

template <Format F, TableMemory M>
template <class Visit>
void PageTable<F, M>::for_each_until(GvaRange range, Visit &&visit) const {
  const auto whole = span(range);
  if (!whole) return;
  visit_leaves(*whole,
               [&](const Slot &slot, Gva gva, std::uint64_t entry) { return visit(gva, mapping(entry, slot.level)); });
}

// --- taking rights away

template <Format F, TableMemory M>
template <class OnLeaf>
void PageTable<F, M>::unmap(GvaRange range, InvalidationBatch &batch, OnLeaf &&on_leaf) {
  if (const auto whole = span(range)) clear(*whole, batch, on_leaf);
}

template <Format F, TableMemory M>
template <class OnLeaf>
void PageTable<F, M>::clear(Span span, InvalidationBatch &batch, OnLeaf &on_leaf) {
  visit_leaves(span, [&](const Slot &slot, Gva gva, std::uint64_t) {
    if (cuts(span, gva, slot.level)) broken("an unmapped range cuts a large leaf");
    const std::uint64_t old = memory_->exchange(slot.table, slot.index, 0);
    note(gva, old, slot.level, batch);
    on_leaf(gva, mapping(old, slot.level));
    return true;
  });
  prune(root_, F::kLevels, span, batch);
}

template <Format F, TableMemory M> void PageTable<F, M>::protect(GvaRange range, Prot prot, InvalidationBatch &batch) {
  const auto whole = span(range);
  if (!whole) return;
  visit_leaves(*whole, [&](const Slot &slot, Gva gva, std::uint64_t entry) {
    if (cuts(*whole, gva, slot.level)) broken("a protected range cuts a large leaf");
    std::uint64_t wanted = F::with_prot(entry, prot);
    // The processor may set A and D meanwhile, each once: three rounds at most.
    while (wanted != entry && !memory_->compare_exchange(slot.table, slot.index, entry, wanted))
      wanted = F::with_prot(entry, prot);
    if (any(F::prot(entry) & ~F::prot(wanted))) note(gva, entry, slot.level, batch);
    return true;
  });
}

template <Format F, TableMemory M>
void PageTable<F, M>::prune(Gfn table, unsigned level, Span span, InvalidationBatch &batch) {
  const std::uint64_t bytes = span_of<F>(level);
  for (std::uint64_t at = span.first & ~(bytes - 1);; at += bytes) {
    const Slot slot{table, index_of<F>(Gva(at), level), level};
    const std::uint64_t entry = foreign(slot) ? 0 : load(slot);
    const std::uint64_t last = at + (bytes - 1);
    if (F::type(entry, level) == EntryType::Table) {
      const Gfn child = Gfn::of(F::address(entry, level));
      if (level > 2) prune(child, level - 1, {std::max(at, span.first), std::min(last, span.last)}, batch);
      if (all_holes(child, level - 1)) {
        memory_->exchange(table, slot.index, 0);
        batch.retire_table(child);
        --tables_;
      }
    }
    if (last >= span.last) return;
  }
}

// --- moving

template <Format F, TableMemory M> Result<> PageTable<F, M>::plan_move(GvaRange from, Gva to, Missing &missing) const {
  Result<> verdict;
  const Span source = *span(from);
  visit_leaves(source, [&](const Slot &slot, Gva gva, std::uint64_t) {
    const Gva target = to + (gva - from.begin);
    if (cuts(source, gva, slot.level) || (target.value() & (span_of<F>(slot.level) - 1)) != 0)
      verdict = unexpected(Error::Unsupported);
    else if (occupied(target, slot.level))
      verdict = unexpected(Error::Exists);
    else
      missing.add(target, slot.level);
    return verdict.has_value();
  });
  return verdict;
}

template <Format F, TableMemory M> Result<> PageTable<F, M>::move(GvaRange from, Gva to, InvalidationBatch &batch) {
  if (from.empty()) return from.begin == from.end ? Result<>{} : unexpected(Error::Invalid);
  for (Gva each : {from.begin, to})
    if (Result<> ok = check(each, from.length()); !ok) return ok;
  if (from.overlaps({to, to + from.length()})) return unexpected(Error::Invalid);

  Missing missing(*this);
  if (Result<> ok = plan_move(from, to, missing); !ok) return ok;
  TableReserve<M> reserve(*memory_);
  if (Result<> ok = reserve.fill(missing.count()); !ok) return ok;

  // Out of the old place first: the entry that is put in the new one holds the last A and D.
  const Span source = *span(from);
  visit_leaves(source, [&](const Slot &slot, Gva gva, std::uint64_t) {
    const std::uint64_t old = memory_->exchange(slot.table, slot.index, 0);
    note(gva, old, slot.level, batch);
    put_leaf(to + (gva - from.begin), slot.level, old, reserve);
    return true;
  });
  prune(root_, F::kLevels, source, batch);
  return {};
}

} // namespace pagoda::table
