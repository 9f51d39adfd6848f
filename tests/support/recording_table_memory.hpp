// A table memory on the heap that remembers every store, can replay them one by one, can refuse the
// n-th allocation, and can play the processor that sets A and D at the worst moment.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/base/broken.hpp"
#include "mmu/base/error.hpp"
#include "mmu/table/walker.hpp"

namespace pagoda::test {

class RecordingTableMemory {
public:
  using Entries = std::array<std::uint64_t, 512>;
  using Tables = std::map<Gfn, Entries>;
  struct Store {
    Gfn table;
    unsigned index;
    std::uint64_t value;
  };

  // --- table::TableMemory
  Result<Gfn> allocate() {
    const bool fails = fail_in_ == 1;
    if (fail_in_ != 0) --fail_in_;
    if (fails) return unexpected(Error::OutOfMemory);
    const Gfn table = Gfn(next_++); // never one that was used before, so a history is unambiguous
    tables_[table] = Entries{};
    return table;
  }
  void release(Gfn table) {
    if (tables_.erase(table) != 1) broken("a table was released twice");
  }
  std::uint64_t load(Gfn table, unsigned index) { return at(table, index); }
  void store(Gfn table, unsigned index, std::uint64_t value) {
    at(table, index) = value;
    history_.push_back({table, index, value});
  }
  std::uint64_t exchange(Gfn table, unsigned index, std::uint64_t value) {
    if (before_atomic) before_atomic(at(table, index));
    const std::uint64_t old = at(table, index);
    store(table, index, value);
    return old;
  }
  bool compare_exchange(Gfn table, unsigned index, std::uint64_t &expected, std::uint64_t value) {
    if (before_atomic) before_atomic(at(table, index));
    if (at(table, index) != expected) {
      expected = at(table, index);
      return false;
    }
    store(table, index, value);
    return true;
  }

  // --- what a test asks
  void fail_at(unsigned n) { fail_in_ = n; } // the n-th allocation from now, once; 0 disarms
  std::function<void(std::uint64_t &entry)> before_atomic;
  [[nodiscard]] std::size_t live() const { return tables_.size(); }
  [[nodiscard]] const Tables &tables() const { return tables_; }
  [[nodiscard]] const std::vector<Store> &history() const { return history_; }
  void forget() { history_.clear(); }

  // Applies the recorded stores to `state` one by one and shows each state in between.
  void replay(Tables state, const std::function<void(const Tables &)> &show) const {
    for (const Store &each : history_) {
      state[each.table][each.index] = each.value; // a table not seen before was allocated: zeroes
      show(state);
    }
  }

  [[nodiscard]] static table::Walk walk(const Tables &tables, Gfn root, Gva gva) {
    return table::walk(
        [&tables](Gfn table, unsigned index) -> std::optional<std::uint64_t> {
          const auto found = tables.find(table);
          if (found == tables.end()) return std::nullopt;
          return found->second[index];
        },
        root, gva);
  }
  [[nodiscard]] table::Walk walk(Gfn root, Gva gva) const { return walk(tables_, root, gva); }

private:
  std::uint64_t &at(Gfn table, unsigned index) {
    const auto found = tables_.find(table);
    if (found == tables_.end() || index >= 512) broken("an entry of no table was touched");
    return found->second[index];
  }
  Tables tables_;
  std::vector<Store> history_;
  std::uint64_t next_ = 0x100;
  unsigned fail_in_ = 0;
};

} // namespace pagoda::test
