#include <algorithm>
#include <vector>

#include "mmu/base/checked.hpp"
#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

namespace {

constexpr Prot kRights = Prot::Read | Prot::Write | Prot::Execute;

// Brings a request's area into the form that every area here has.
Result<> normalise(Vma &area, std::uint64_t length, phys::PhysicalMemory &memory, KernelMemory *kernel) {
  area.prot = area.prot & kRights;
  area.max_prot = area.max_prot & kRights;
  if (!has(area.max_prot, area.prot)) return unexpected(Error::Denied);
  if (area.object && !area.shared) return unexpected(Error::Invalid);
  if (area.shared && !area.object) area.object = make_object(memory, kernel, area.file);
  if (!area.has_offset()) area.file_offset = 0;
  if ((area.file_offset & kPageMask) != 0) return unexpected(Error::Invalid);
  if (!checked_add(area.file_offset, length)) return unexpected(Error::Invalid);
  if (area.has_offset()) area.grows_down = false;
  area.fixed_frames = false;
  return {};
}

} // namespace

void Space::insert(Vma area) {
  areas_.insert(std::move(area));
  peak_virtual_ = std::max(peak_virtual_, areas_.total_bytes());
}

void Space::grow_down(Gva vma_begin, Gva new_begin) {
  areas_.grow_down(vma_begin, new_begin);
  peak_virtual_ = std::max(peak_virtual_, areas_.total_bytes());
}

Result<Gva> Space::map(MapRequest request) {
  if (request.length == 0) return unexpected(Error::Invalid);
  const auto length = checked_align_up(request.length, kPageSize);
  if (!length || *length > user_end_ - kUserBegin) return unexpected(Error::OutOfMemory);
  if (const auto valid = normalise(request.area, *length, memory_, kernel_); !valid) return unexpected(valid.error());

  std::vector<Vma> replaced; // dies after the guard
  const LockGuard guard(mutex);
  const auto begin = place(request, *length);
  if (!begin) return begin;
  const GvaRange range{*begin, *begin + *length};
  if (const auto allowed = admit(request.area, *length, areas_.mapped_bytes(range)); !allowed)
    return unexpected(allowed.error());

  Batch batch;
  replaced = take_out(range, batch);
  finish(std::move(batch));
  request.area.range = range;
  insert(std::move(request.area));
  return *begin;
}

Result<> Space::map_foreign(GvaRange range, Gfn first, Prot prot, VmaRole role) {
  if (range.empty() || !range.begin.page_aligned() || !range.end.page_aligned()) return unexpected(Error::Invalid);
  if (range.begin < kUserBegin || user_end_ < range.end) return unexpected(Error::Invalid);
  Vma area;
  area.range = range;
  area.prot = prot & kRights;
  area.max_prot = area.prot;
  area.role = role;
  area.fixed_frames = true;

  const LockGuard guard(mutex);
  if (areas_.overlaps(range)) return unexpected(Error::Exists);
  if (const auto allowed = admit(area, range.length()); !allowed) return allowed;
  std::vector<Gfn> frames(area.pages());
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i] = first + i;
  const auto mapped = table_.map_run(range.begin, frames, {area.leaf_prot(), table::Use::Accessed}, [](Gva, Gfn) {});
  if (!mapped) return unexpected(mapped.error());
  insert(std::move(area));
  return {};
}

} // namespace pagoda::space
