#include "mmu/fault/fault.hpp"

#include "mmu/fault/cases/cases.hpp"
#include "mmu/fault/space_access.hpp"

namespace pagoda::fault {

namespace {

// Times that a fault is planned anew because another thread changed the area under it.
constexpr unsigned kAttempts = 8;

struct Look {
  Outcome outcome; // final unless there is a window
  std::optional<Window> window;
};

// What the areas and the table say about the access.
Look look(space::Space &space, Gva page, Access access) {
  using SpaceAccess = space::SpaceFaultAccess;
  const LockGuard guard(space.mutex);
  const space::Vma *area = SpaceAccess::areas(space).find(page);
  const bool grown = area == nullptr;
  if (grown) {
    if (const Case grows = grow_stack(space, page); grows != Case::StackGrowth) return {{grows, 0}, {}};
    area = SpaceAccess::areas(space).find(page);
  }
  if (auto forbidden = check_permission(*area, access)) return {*forbidden, {}};
  if (const auto leaf = SpaceAccess::table(space).query(page)) return {upgrade(space, *area, page, *leaf, access), {}};
  Look result{{}, plan(space, *area, page)};
  if (grown) result.window->which = Case::StackGrowth;
  return result;
}

Filled fill(const space::Space &space, const Window &window, Frames &frames) {
  switch (window.which) {
  case Case::DemandZero:
  case Case::StackGrowth: return fill_zero_pages(space, window, frames);
  case Case::File: return fill_from_file(space, window, frames);
  case Case::Shared: return fill_from_object(window, frames);
  default: return std::unexpected(window.which);
  }
}

// Old tables that wait for a flush are memory too. Whether there were any.
bool drain(tlb::Invalidator &invalidator) {
  if (invalidator.counters().quarantined == 0) return false;
  invalidator.drain();
  return true;
}

} // namespace

Outcome resolve(space::Space &space, Gva gva, Access access) {
  if (!(gva < space::kUserEnd)) return {Case::NoArea, 0}; // the kernel half and what is not canonical
  bool drained = false;
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    const Look seen = look(space, gva.page_floor(), access);
    if (!seen.window) return seen.outcome;
    Frames frames(space.memory());
    const auto filled = fill(space, *seen.window, frames);
    const auto done = filled ? commit(space, *seen.window, frames) : Outcome{filled.error(), 0};
    if (!done) continue; // the area changed meanwhile
    if (done->which != Case::OutOfMemory || drained || !drain(space.invalidator())) return *done;
    drained = true;
  }
  return {Case::Spurious, 0}; // the access is tried again, and faults again if it must
}

bool Outcome::resolved() const {
  switch (which) {
  case Case::StackGrowth:
  case Case::DemandZero:
  case Case::File:
  case Case::Shared:
  case Case::Upgrade:
  case Case::Spurious: return true;
  default: return false;
  }
}

std::string_view name(Case c) {
  switch (c) {
  case Case::NoArea: return "no-area";
  case Case::Permission: return "permission";
  case Case::Guard: return "guard";
  case Case::StackGrowth: return "stack";
  case Case::DemandZero: return "demand-zero";
  case Case::File: return "file";
  case Case::Shared: return "shared";
  case Case::Upgrade: return "upgrade";
  case Case::Spurious: return "spurious";
  case Case::PastEnd: return "past-end";
  case Case::OutOfMemory: return "out-of-memory";
  case Case::IoError: return "io-error";
  }
  return "unknown";
}

} // namespace pagoda::fault
