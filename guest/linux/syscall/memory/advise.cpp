// madvise(2).
#include <algorithm>
#include <cerrno>
#include <sys/mman.h>

#include "guest/linux/process.hpp"
#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/map_arguments.hpp"
#include "guest/linux/syscall/memory/populate.hpp"
#include "guest/linux/syscall/memory/space_errno.hpp"

namespace pagoda::kernel::memory {

namespace {

// What an advice comes down to here.
enum class Action : std::uint8_t { Hint, Discard, Free, Fork, Populate, NotPermitted, NotSupported, Unknown };

Action action_of(int advice) {
  switch (advice) {
  case MADV_NORMAL:
  case MADV_RANDOM:
  case MADV_SEQUENTIAL:
  case MADV_WILLNEED:
  case MADV_HUGEPAGE:
  case MADV_NOHUGEPAGE:
  case MADV_DONTDUMP:
  case MADV_DODUMP:
  case MADV_COLD:
  case MADV_PAGEOUT: return Action::Hint;
  case MADV_DONTNEED: return Action::Discard;
  case MADV_FREE: return Action::Free;
  case MADV_DONTFORK:
  case MADV_DOFORK:
  case MADV_WIPEONFORK:
  case MADV_KEEPONFORK: return Action::Fork;
  case MADV_POPULATE_READ:
  case MADV_POPULATE_WRITE: return Action::Populate;
  case MADV_HWPOISON: return Action::NotPermitted;
  case MADV_REMOVE: return Action::NotSupported;
  default: return Action::Unknown; // as a kernel without KSM answers MADV_MERGEABLE
  }
}

space::ForkBehaviour fork_behaviour(int advice) {
  switch (advice) {
  case MADV_DONTFORK: return space::ForkBehaviour::Omit;
  case MADV_DOFORK: return space::ForkBehaviour::Inherit;
  case MADV_WIPEONFORK: return space::ForkBehaviour::Wipe;
  default: return space::ForkBehaviour::Keep;
  }
}

// The parts of the range that are mapped, in order.
std::vector<GvaRange> mapped_parts(const std::vector<space::Vma> &areas, GvaRange range) {
  std::vector<GvaRange> parts;
  for (const auto &area : areas) {
    if (!area.range.overlaps(range)) continue;
    parts.push_back({std::max(area.range.begin, range.begin), std::min(area.range.end, range.end)});
  }
  return parts;
}

bool covers(const std::vector<GvaRange> &parts, GvaRange range) {
  std::uint64_t bytes = 0;
  for (const auto &part : parts) bytes += part.length();
  return bytes == range.length();
}

int populate_errno(const fault::Outcome &outcome) {
  if (outcome.resolved()) return 0;
  switch (outcome.which) {
  case fault::Case::Permission: return EINVAL;
  case fault::Case::PastEnd:
  case fault::Case::IoError: return EFAULT;
  default: return ENOMEM;
  }
}

int apply(const Call &call, GvaRange part, int advice, Action action) {
  space::Space &space = *call.process.space;
  Result<> done;
  switch (action) {
  case Action::Discard: done = space.advise(part, space::Advice::DontNeed); break;
  case Action::Free: done = space.advise(part, space::Advice::Free); break;
  case Action::Fork: done = space.set_fork_behaviour(part, fork_behaviour(advice)); break;
  case Action::Populate:
    return populate_errno(populate(call, part, advice == MADV_POPULATE_READ ? Access::Read : Access::Write));
  default: break;
  }
  return done ? 0 : space_errno(done.error(), ENOMEM, EINVAL);
}

// MADV_FREE is for private anonymous memory alone; the vDSO's pages are nobody's to discard.
bool suits(const std::vector<space::Vma> &areas, GvaRange range, Action action) {
  return std::ranges::none_of(areas, [&](const space::Vma &area) {
    if (!area.range.overlaps(range)) return false;
    if (action == Action::Free) return area.shared || area.file || area.object || area.fixed_frames;
    return action == Action::Discard && area.fixed_frames;
  });
}

} // namespace

SysResult do_madvise(Call &call) {
  const int advice = call.arg_int(2);
  const Action action = action_of(advice);
  if (action == Action::Unknown) return SysResult::error(EINVAL);
  const auto range = decode_range(call.arg(0), call.arg(1), EINVAL, EINVAL);
  if (!range) return SysResult::error(range.error());
  if (range->empty()) return 0;
  if (action == Action::NotPermitted) return SysResult::error(EPERM);
  if (!kUserSpace.contains(*range)) return SysResult::error(ENOMEM);

  space::Space &space = *call.process.space;
  const auto areas = space.areas(*range);
  if (action == Action::NotSupported) {
    const bool all_shared = std::ranges::all_of(
        areas, [&](const auto &area) { return !area.range.overlaps(*range) || (area.shared && area.object); });
    return SysResult::error(all_shared ? EOPNOTSUPP : EINVAL);
  }
  if (!suits(areas, *range, action)) return SysResult::error(EINVAL);
  // Holes are an error, but only after the mapped parts have had the advice.
  const auto parts = mapped_parts(areas, *range);
  for (const GvaRange part : parts)
    if (const int error = apply(call, part, advice, action); error != 0) return SysResult::error(error);
  return covers(parts, *range) ? SysResult(0) : SysResult::error(ENOMEM);
}

} // namespace pagoda::kernel::memory
