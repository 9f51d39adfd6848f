#include "mmu/fault/pin_pages.hpp"

#include "mmu/fault/cases/cases.hpp"
#include "mmu/fault/space_access.hpp"

namespace pagoda::fault {

namespace {

// Another thread can take a page away between its fault and its pin, again and again; a copy that
// lost this often ends there as if the page were gone, which it was each time.
constexpr unsigned kAttempts = 1000;

enum class Stop : std::uint8_t { End, Absent, Foreign };

struct Present {
  std::size_t pages = 0;
  Stop stop = Stop::End; // why the count is not larger
};

Present pin_present(space::Space &space, Gva page, Access access, std::span<Gfn> frames) {
  Present result;
  const LockGuard guard(space.mutex);
  const auto &table = space::SpaceFaultAccess::table(space);
  for (; result.pages < frames.size(); ++result.pages) {
    const Gva at = page + result.pages * kPageSize;
    if (!(at < space::kUserEnd)) return result;
    const auto leaf = table.query(at);
    if (!leaf || !leaf_allows(*leaf, access)) {
      result.stop = Stop::Absent;
      return result;
    }
    if (!space.memory().is_ram(leaf->frame)) {
      result.stop = Stop::Foreign;
      return result;
    }
    space.memory().get(leaf->frame);
    frames[result.pages] = leaf->frame;
  }
  return result;
}

} // namespace

std::expected<std::size_t, Outcome> pin_pages(space::Space &space, Gva page, Access access, std::span<Gfn> frames) {
  Outcome outcome{Case::NoArea, 0};
  if (!(page < space::kUserEnd)) return std::unexpected(outcome);
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    const Present present = pin_present(space, page, access, frames);
    if (present.pages != 0) return present.pages;
    if (present.stop == Stop::Foreign) return std::unexpected(Outcome{Case::Permission, 0});
    outcome = resolve(space, page, access);
    space.note_host_fault();
    if (!outcome.resolved()) return std::unexpected(outcome);
  }
  return std::unexpected(Outcome{Case::NoArea, 0});
}

} // namespace pagoda::fault
