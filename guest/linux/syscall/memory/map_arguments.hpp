// Decoding the arguments of mmap and mprotect: which combinations Linux refuses, and with which
// errno. Pure; mmap(2) and mprotect(2) are the source.
#pragma once

#include <cstdint>
#include <expected>

#include "mmu/space/space.hpp"

namespace pagoda::kernel {

struct MapArguments {
  std::uint64_t address = 0;
  std::uint64_t length = 0;
  std::uint64_t prot = 0;
  std::uint64_t flags = 0;
  std::uint64_t offset = 0;
};

// What remains to be done with the file, if any, and after mapping.
struct MapPlan {
  space::MapRequest request; // the area lacks only its file and object
  bool anonymous = false;
  bool shared = false;
  bool populate = false;
  bool locked = false;
};

// An errno on refusal.
[[nodiscard]] std::expected<MapPlan, int> decode_map(const MapArguments &arguments);

// PROT_READ, PROT_WRITE, PROT_EXEC; other bits do not count.
[[nodiscard]] Prot decode_prot(std::uint64_t prot);

// A page-aligned start and a length that is rounded up to pages, as most of the family takes them.
// `misaligned` and `overflow` are the errnos for those; an empty range is no error.
[[nodiscard]] std::expected<GvaRange, int> decode_range(std::uint64_t start, std::uint64_t length, int misaligned,
                                                        int overflow);

// The whole of user address space; a range beyond it can hold no mapping.
inline constexpr GvaRange kUserSpace{Gva(0), space::kUserEnd};

} // namespace pagoda::kernel
