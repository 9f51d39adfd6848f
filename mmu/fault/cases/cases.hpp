// The fault cases, one file each. What `resolve` strings together.
//
// Those that look at areas or leaves need the space's mutex; those that fill frames must not have it.
#pragma once

#include <expected>
#include <optional>

#include "mmu/fault/window.hpp"

namespace pagoda::fault {

// --- with the mutex

// stack_growth.cpp: no area holds `page`. Extends the stack above it if it may grow that far and
// says StackGrowth; else why not: Guard below a stack, NoArea elsewhere.
[[nodiscard]] Case grow_stack(space::Space &space, Gva page) PAGODA_REQUIRES(space.mutex);
// permission.cpp: what the area forbids; nothing when the access may go on.
[[nodiscard]] std::optional<Outcome> check_permission(const space::Vma &area, Access access);
// upgrade.cpp: a leaf is there already. Raises its rights to the area's where they fall short.
[[nodiscard]] Outcome upgrade(space::Space &space, const space::Vma &area, Gva page, const table::Mapping &leaf,
                              Access access) PAGODA_REQUIRES(space.mutex);
// plan.cpp: the window around a page of `area` that has no leaf.
[[nodiscard]] Window plan(space::Space &space, const space::Vma &area, Gva page) PAGODA_REQUIRES(space.mutex);

// --- without it: fill `frames` for the window's page and what neighbours are cheap; or why not

using Filled = std::expected<void, Case>;
[[nodiscard]] Filled fill_zero_pages(const space::Space &space, const Window &window, Frames &frames);
[[nodiscard]] Filled fill_from_file(const space::Space &space, const Window &window, Frames &frames);
[[nodiscard]] Filled fill_from_object(const Window &window, Frames &frames);
[[nodiscard]] Case case_of(Error error); // how a failed fill is reported

// commit.cpp: takes the mutex, revalidates, maps. Nothing: the area changed, look again.
[[nodiscard]] std::optional<Outcome> commit(space::Space &space, const Window &window, Frames &frames)
    PAGODA_EXCLUDES(space.mutex);

// Whether a leaf allows a user access of this kind.
[[nodiscard]] constexpr bool leaf_allows(const table::Mapping &leaf, Access access) {
  return has(leaf.prot, needed(access) | Prot::User);
}

} // namespace pagoda::fault
