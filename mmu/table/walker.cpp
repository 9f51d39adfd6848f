#include "mmu/table/walker.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "mmu/table/x86_64.hpp"

namespace pagoda::table {

namespace {

constexpr unsigned kRoot = 4;
constexpr std::array<const char *, kRoot + 1> kLevelNames{"", "PT", "PD", "PDPT", "PML4"};

bool canonical(Gva gva) {
  const std::int64_t sign = std::int64_t(gva.value()) >> 47;
  return sign == 0 || sign == -1;
}

// What a translation grants is the least of what its levels grant.
Prot restrict_to(Prot prot, std::uint64_t entry) {
  if ((entry & X86_64::kWrite) == 0) prot = prot & ~Prot::Write;
  if ((entry & X86_64::kUser) == 0) prot = prot & ~Prot::User;
  if ((entry & X86_64::kNoExecute) != 0) prot = prot & ~Prot::Execute;
  return prot;
}

Mapping leaf_mapping(std::uint64_t entry, unsigned level, Gva gva) {
  const std::uint64_t bytes = kPageSize << (9 * (level - 1));
  const Gpa base = X86_64::address(entry, level);
  return {.frame = Gfn::of(base + (gva.value() & (bytes - 1))),
          .prot = X86_64::prot(entry),
          .level = level,
          .accessed = X86_64::accessed(entry),
          .dirty = X86_64::dirty(entry)};
}

// Low address bits of a large leaf, above its PAT bit, and PS in the root must be clear.
bool reserved_bits(std::uint64_t entry, unsigned level) {
  if ((entry & X86_64::kPresent) == 0 || level == 1 || (entry & X86_64::kPageSizeBit) == 0) return false;
  const std::uint64_t bytes = kPageSize << (9 * (level - 1));
  return level == kRoot || (entry & (bytes - 1) & X86_64::kAddress & ~(1ull << 12)) != 0;
}

std::string rights(Prot prot) {
  std::string text = "----";
  if (has(prot, Prot::Read)) text[0] = 'r';
  if (has(prot, Prot::Write)) text[1] = 'w';
  if (has(prot, Prot::Execute)) text[2] = 'x';
  if (has(prot, Prot::User)) text[3] = 'u';
  return text;
}

std::string describe_step(const Step &step) {
  char line[160];
  std::snprintf(line, sizeof line, "%-4s[%3u] at frame 0x%05llx  0x%016llx  ", kLevelNames[step.level], step.index,
                static_cast<unsigned long long>(step.table.number()), static_cast<unsigned long long>(step.entry));
  std::string text = line;
  const auto target = static_cast<unsigned long long>(Gfn::of(X86_64::address(step.entry, step.level)).number());
  switch (X86_64::type(step.entry, step.level)) {
  case EntryType::Hole: return text + "not present\n";
  case EntryType::Table: std::snprintf(line, sizeof line, "-> table 0x%05llx\n", target); break;
  case EntryType::Leaf:
    std::snprintf(line, sizeof line, "-> frame 0x%05llx %s %s%s%s\n", target, rights(X86_64::prot(step.entry)).c_str(),
                  X86_64::accessed(step.entry) ? "A" : "-", X86_64::dirty(step.entry) ? "D" : "-",
                  step.level == 1   ? ""
                  : step.level == 2 ? " 2M"
                                    : " 1G");
    break;
  }
  return text + line;
}

} // namespace

Walk walk(const EntryReader &read, Gfn root, Gva gva) {
  Walk result;
  result.gva = gva;
  if (!canonical(gva)) {
    result.end = WalkEnd::NotCanonical;
    return result;
  }
  Prot granted = Prot::Read | Prot::Write | Prot::Execute | Prot::User;
  Gfn table = root;
  for (unsigned level = kRoot; level >= 1; --level) {
    const auto index = unsigned(gva.value() >> (12 + 9 * (level - 1))) & 511;
    const std::optional<std::uint64_t> entry = read(table, index);
    if (!entry) {
      result.end = WalkEnd::Unreadable;
      return result;
    }
    result.steps[result.count++] = {level, index, table, *entry};
    if (reserved_bits(*entry, level)) {
      result.end = WalkEnd::Reserved;
      return result;
    }
    const EntryType type = X86_64::type(*entry, level);
    if (type == EntryType::Hole) return result;
    granted = restrict_to(granted, *entry);
    if (type == EntryType::Leaf) {
      result.end = WalkEnd::Leaf;
      result.mapping = leaf_mapping(*entry, level, gva);
      if ((*entry & X86_64::kPresent) != 0) result.effective = granted;
      return result;
    }
    table = Gfn::of(X86_64::address(*entry, level));
  }
  return result;
}

Walk walk(const phys::PhysicalMemory &memory, Gfn root, Gva gva) {
  const EntryReader read = [&memory](Gfn table, unsigned index) -> std::optional<std::uint64_t> {
    if (!memory.is_ram(table)) return std::nullopt;
    auto *entries = reinterpret_cast<std::uint64_t *>(memory.host(table));
    return std::atomic_ref(entries[index]).load(std::memory_order_acquire);
  };
  return walk(read, root, gva);
}

std::string describe(const Walk &walk) {
  std::string text;
  for (const Step &step : walk.read()) text += describe_step(step);
  switch (walk.end) {
  case WalkEnd::Leaf:
  case WalkEnd::Hole: break; // the last line says so
  case WalkEnd::NotCanonical: text += "not a canonical address\n"; break;
  case WalkEnd::Unreadable: text += "the next table lies outside RAM\n"; break;
  case WalkEnd::Reserved: text += "a reserved bit is set\n"; break;
  }
  return text;
}

} // namespace pagoda::table
