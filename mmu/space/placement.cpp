// Where a mapping goes, and whether it may exist. mmap(2); Linux's top-down search as behaviour.
#include "mmu/base/checked.hpp"
#include "mmu/space/kernel_memory.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::space {

namespace {

// MAP_32BIT: the second gigabyte, as Linux has it, so that low addresses stay free for programs.
constexpr GvaRange kLow32{Gva(0x40000000), Gva(0x80000000)};

bool fits(Gva begin, std::uint64_t length, GvaRange limit) {
  return limit.begin <= begin && begin < limit.end && length <= limit.end - begin;
}

// Linux counts what may ever need memory of its own: overcommit_memory = 0 refuses one request that
// exceeds all there is, and nothing less.
bool accountable(const Vma &area) {
  if (area.no_reserve || area.fixed_frames) return false;
  if (area.shared) return area.file == nullptr && any(area.prot);
  return has(area.prot, Prot::Write);
}

bool is_data(const Vma &area) { return !area.shared && !area.grows_down && has(area.prot, Prot::Write); }

Result<Gva> fixed_place(const MapRequest &request, std::uint64_t length, const VmaTree &areas, Gva user_end) {
  if (!request.hint || !request.hint->page_aligned()) return unexpected(Error::Invalid);
  const Gva begin = *request.hint;
  if (user_end < begin || length > user_end - begin) return unexpected(Error::OutOfMemory);
  if (begin < kUserBegin) return unexpected(Error::Denied);
  if (request.placement == MapRequest::Placement::FixedNoReplace && areas.overlaps({begin, begin + length}))
    return unexpected(Error::Exists);
  return begin;
}

} // namespace

Result<Gva> Space::place(const MapRequest &request, std::uint64_t length) const {
  using Placement = MapRequest::Placement;
  if (request.placement == Placement::Fixed || request.placement == Placement::FixedNoReplace)
    return fixed_place(request, length, areas_, user_end_);

  const bool low = request.placement == Placement::Low32;
  if (request.hint && *request.hint != Gva(0) && *request.hint < user_end_) {
    const Gva wanted = request.hint->page_ceil();
    if (fits(wanted, length, low ? kLow32 : GvaRange{kUserBegin, user_end_}) &&
        areas_.placeable({wanted, wanted + length}))
      return wanted;
  }
  auto gap = areas_.highest_gap(length, low ? kLow32 : GvaRange{kUserBegin, mmap_top_}, kPageSize);
  if (!gap && !low) gap = areas_.highest_gap(length, {kUserBegin, user_end_}, kPageSize);
  if (!gap) return unexpected(Error::NoSpace);
  return *gap;
}

Result<> Space::can_split() const {
  if (areas_.size() + 2 > kMaxAreas) return unexpected(Error::OutOfMemory);
  return {};
}

Result<> Space::admit(const Vma &area, std::uint64_t bytes, std::uint64_t freed) const {
  if (const auto room = can_split(); !room) return room;
  if (kernel_ != nullptr && !kernel_->vm_area_struct.has_another()) return unexpected(Error::OutOfMemory);
  const std::uint64_t total = areas_.total_bytes() - freed;
  if (bytes > limits_.address_space || total > limits_.address_space - bytes) return unexpected(Error::OutOfMemory);
  if (limits_.data != ~0ull && is_data(area) &&
      saturating_add(data_bytes(), bytes) > saturating_add(limits_.data, freed))
    return unexpected(Error::OutOfMemory);
  if (accountable(area)) {
    const auto &ranges = memory_.layout().ranges;
    if (bytes > ranges[0].length() + ranges[1].length()) return unexpected(Error::OutOfMemory);
  }
  return {};
}

} // namespace pagoda::space
