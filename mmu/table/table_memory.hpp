// Where table pages come from and how their entries are read and written. `phys_table_memory.hpp`
// supplies the real one; tests hand in a recording one.
#pragma once

#include <concepts>
#include <cstdint>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"

namespace pagoda::table {

template <class M>
concept TableMemory = requires(M &m, Gfn table, unsigned index, std::uint64_t value, std::uint64_t &expected) {
  { m.allocate() } -> std::same_as<Result<Gfn>>; // zeroed
  { m.release(table) };                          // never linked, may be reused at once
  { m.load(table, index) } -> std::same_as<std::uint64_t>;
  { m.store(table, index, value) };
  { m.exchange(table, index, value) } -> std::same_as<std::uint64_t>; // atomic: returns A/D as they were
  { m.compare_exchange(table, index, expected, value) } -> std::same_as<bool>;
};

// Tables allocated before an operation changes anything, so that nothing fails half-way. What is not
// taken goes back.
template <TableMemory M> class TableReserve {
public:
  explicit TableReserve(M &memory) : memory_(memory) {}
  TableReserve(const TableReserve &) = delete;
  TableReserve &operator=(const TableReserve &) = delete;
  ~TableReserve() {
    for (Gfn table : tables_) memory_.release(table);
  }

  [[nodiscard]] Result<> fill(std::size_t count) {
    tables_.reserve(count);
    while (tables_.size() < count) {
      Result<Gfn> table = memory_.allocate();
      if (!table) return unexpected(table.error());
      tables_.push_back(*table);
    }
    return {};
  }

  [[nodiscard]] Gfn take() {
    Gfn table = tables_.back();
    tables_.pop_back();
    return table;
  }

private:
  M &memory_;
  std::vector<Gfn> tables_;
};

} // namespace pagoda::table
