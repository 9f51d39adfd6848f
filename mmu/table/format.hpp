// What a page-table format must say; every format is a policy type that satisfies `Format` and is
// closed by its own static_asserts (see x86_64.hpp).
#pragma once

#include <concepts>
#include <cstdint>

#include "mmu/base/access.hpp"
#include "mmu/base/address.hpp"
#include "mmu/table/mapping.hpp"

namespace pagoda::table {

enum class EntryType : std::uint8_t { Hole, Table, Leaf };

// A format numbers its levels from the leaves up: level 1 maps pages of 4K, `kLevels` is the root.
template <class F>
concept Format = requires(std::uint64_t entry, Gpa gpa, Gva gva, Prot prot, unsigned level, Use use) {
  { F::kLevels } -> std::convertible_to<unsigned>;
  { F::kIndexBits } -> std::convertible_to<unsigned>;
  { F::kName } -> std::convertible_to<const char *>;
  { F::leaf(gpa, prot, level) } -> std::same_as<std::uint64_t>;
  { F::table(gpa) } -> std::same_as<std::uint64_t>;
  { F::type(entry, level) } -> std::same_as<EntryType>;
  { F::address(entry, level) } -> std::same_as<Gpa>;
  { F::prot(entry) } -> std::same_as<Prot>;
  { F::with_prot(entry, prot) } -> std::same_as<std::uint64_t>;
  { F::with_address(entry, gpa) } -> std::same_as<std::uint64_t>;
  { F::used(entry, use) } -> std::same_as<std::uint64_t>; // D only where the entry may be written
  { F::accessed(entry) } -> std::same_as<bool>;
  { F::dirty(entry) } -> std::same_as<bool>;
  { F::cacheable(entry) } -> std::same_as<bool>; // a processor may hold what the leaf says
  { F::leaf_allowed(level) } -> std::same_as<bool>;
};

// The index into the table at `level` that translates gva, and how many bytes one entry there spans.
template <class F> constexpr unsigned index_of(Gva gva, unsigned level) {
  return unsigned(gva.value() >> (kPageShift + F::kIndexBits * (level - 1))) & ((1u << F::kIndexBits) - 1);
}
template <class F> constexpr std::uint64_t span_of(unsigned level) {
  return kPageSize << (F::kIndexBits * (level - 1));
}

} // namespace pagoda::table
