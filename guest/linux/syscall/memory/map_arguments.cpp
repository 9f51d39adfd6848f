#include "guest/linux/syscall/memory/map_arguments.hpp"

#include <cerrno>
#include <sys/mman.h>

#include "mmu/base/checked.hpp"

namespace pagoda::kernel {

using std::unexpected;

namespace {

// A hugetlb size is part of the flags (MAP_HUGE_2MB and the like).
constexpr std::uint64_t kHugeSizeBits = 0x3full << MAP_HUGE_SHIFT;

constexpr std::uint64_t kKnownFlags = MAP_SHARED_VALIDATE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN |
                                      MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |
                                      MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_SYNC | MAP_FIXED_NOREPLACE |
                                      kHugeSizeBits;

std::expected<bool, int> decode_sharing(std::uint64_t flags) {
  const bool anonymous = (flags & MAP_ANONYMOUS) != 0;
  switch (flags & MAP_TYPE) {
  case MAP_PRIVATE: return false;
  case MAP_SHARED: return true;
  case MAP_SHARED_VALIDATE:
    if (anonymous) return unexpected(EINVAL);
    if ((flags & ~kKnownFlags) != 0 || (flags & MAP_SYNC) != 0) return unexpected(EOPNOTSUPP);
    return true;
  default: return unexpected(EINVAL);
  }
}

using Placement = space::MapRequest::Placement;

std::expected<void, int> decode_placement(const MapArguments &arguments, std::uint64_t length,
                                          space::MapRequest &request) {
  const bool fixed = (arguments.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
  if (!fixed) {
    request.placement = (arguments.flags & MAP_32BIT) != 0 ? Placement::Low32 : Placement::Anywhere;
    const Gva hint = Gva(arguments.address).page_floor();
    if (hint.value() != 0) request.hint = std::max(hint, space::kUserBegin);
    return {};
  }
  const Gva begin(arguments.address);
  if (!begin.page_aligned()) return unexpected(EINVAL);
  const auto end = checked_add(begin.value(), length);
  if (!end || *end > space::kUserEnd.value()) return unexpected(ENOMEM);
  if (begin < space::kUserBegin) return unexpected(EPERM);
  request.hint = begin;
  request.placement = (arguments.flags & MAP_FIXED_NOREPLACE) != 0 ? Placement::FixedNoReplace : Placement::Fixed;
  return {};
}

} // namespace

Prot decode_prot(std::uint64_t prot) {
  Prot result = Prot::None;
  if ((prot & PROT_READ) != 0) result = result | Prot::Read;
  if ((prot & PROT_WRITE) != 0) result = result | Prot::Write;
  if ((prot & PROT_EXEC) != 0) result = result | Prot::Execute;
  return result;
}

std::expected<MapPlan, int> decode_map(const MapArguments &arguments) {
  if ((arguments.offset & kPageMask) != 0 || arguments.length == 0) return unexpected(EINVAL);
  const auto length = checked_align_up(arguments.length, kPageSize);
  if (!length || *length > space::kUserEnd.value()) return unexpected(ENOMEM);
  if (!checked_add(arguments.offset, *length)) return unexpected(EOVERFLOW);
  const auto shared = decode_sharing(arguments.flags);
  if (!shared) return unexpected(shared.error());

  MapPlan plan;
  plan.anonymous = (arguments.flags & MAP_ANONYMOUS) != 0;
  plan.shared = *shared;
  // There is no pool of huge pages, and the size of one is not a hint.
  if ((arguments.flags & MAP_HUGETLB) != 0) return unexpected(plan.anonymous ? ENOMEM : EINVAL);
  if ((arguments.flags & MAP_GROWSDOWN) != 0 && (plan.shared || !plan.anonymous)) return unexpected(EINVAL);
  if (auto placed = decode_placement(arguments, *length, plan.request); !placed) return unexpected(placed.error());

  plan.request.length = *length;
  plan.locked = (arguments.flags & MAP_LOCKED) != 0;
  plan.populate = plan.locked || (arguments.flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
  space::Vma &area = plan.request.area;
  area.prot = decode_prot(arguments.prot);
  area.shared = plan.shared;
  area.grows_down = (arguments.flags & MAP_GROWSDOWN) != 0;
  area.no_reserve = (arguments.flags & MAP_NORESERVE) != 0;
  area.file_offset = plan.anonymous ? 0 : arguments.offset;
  return plan;
}

std::expected<GvaRange, int> decode_range(std::uint64_t start, std::uint64_t length, int misaligned, int overflow) {
  if ((start & kPageMask) != 0) return unexpected(misaligned);
  const auto rounded = checked_align_up(length, kPageSize);
  if (!rounded) return unexpected(overflow);
  const auto end = checked_add(start, *rounded);
  if (!end) return unexpected(overflow);
  return GvaRange{Gva(start), Gva(*end)};
}

} // namespace pagoda::kernel
