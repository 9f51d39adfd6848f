// The slab policies, with and without checks, for suites that run the same tests on each.
#pragma once

#include <array>

#include "mmu/phys/slab/registry.hpp"

namespace pagoda::test {

struct SlabKind {
  const char *name;
  phys::SlabOptions options;
};

inline constexpr SlabKind kSlub{"Slub", {phys::SlabPolicy::Slub, phys::CacheFlags::None}};
inline constexpr SlabKind kSlab{"Slab", {phys::SlabPolicy::Slab, phys::CacheFlags::None}};
inline constexpr SlabKind kSlob{"Slob", {phys::SlabPolicy::Slob, phys::CacheFlags::None}};
inline constexpr SlabKind kChecked{"Checked", {phys::SlabPolicy::Slub, phys::CacheFlags::AllChecks}};
inline constexpr std::array kSlabKinds{kSlub, kSlab, kSlob, kChecked};

// For INSTANTIATE_TEST_SUITE_P.
inline constexpr auto slab_kind_name = [](const auto &each) { return each.param.name; };

} // namespace pagoda::test
