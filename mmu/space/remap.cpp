// mremap(2): shrink, grow in place, or move; pages move with their frames, nothing is copied.
#include <algorithm>
#include <iterator>
#include <vector>

#include "mmu/base/checked.hpp"
#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

struct Space::Remap {
  GvaRange from;            // page aligned; empty: a second mapping of a shared area
  std::uint64_t new_length; // page aligned
  RemapFlags flags;
  Gva fixed;

  [[nodiscard]] bool fixed_place() const { return has(flags, RemapFlags::Fixed); }
  [[nodiscard]] bool keep_old() const { return has(flags, RemapFlags::DontUnmap); }
  [[nodiscard]] std::uint64_t growth() const {
    if (keep_old()) return new_length;
    return new_length > from.length() ? new_length - from.length() : 0;
  }
};

namespace {

bool valid_flags(RemapFlags flags, std::uint64_t old_length, std::uint64_t new_length) {
  if (has(flags, RemapFlags::MayMove))
    return !has(flags, RemapFlags::DontUnmap) || (old_length == new_length && old_length != 0);
  return !has(flags, RemapFlags::Fixed) && !has(flags, RemapFlags::DontUnmap);
}

// Whether the area can be remapped as asked: the error that mremap gives, or nothing wrong.
Result<> suitable(const Vma &area, GvaRange from, std::uint64_t new_length, bool keep_old) {
  if (from.empty() && !area.shared) return unexpected(Error::Invalid);
  if (area.range.end < from.end) return unexpected(Error::NotMapped);
  if (area.fixed_frames && new_length != from.length()) return unexpected(Error::NotMapped);
  if (keep_old && area.fixed_frames) return unexpected(Error::Invalid);
  if (area.has_offset() && !checked_add(area.offset_of(from.begin), new_length)) return unexpected(Error::Invalid);
  return {};
}

} // namespace

Result<Gva> Space::remap(Gva old_begin, std::uint64_t old_length, std::uint64_t new_length, RemapFlags flags,
                         Gva fixed) {
  const auto old_pages = checked_align_up(old_length, kPageSize);
  const auto new_pages = checked_align_up(new_length, kPageSize);
  if (!old_begin.page_aligned() || !old_pages || !new_pages || *new_pages == 0) return unexpected(Error::Invalid);
  if (!valid_flags(flags, *old_pages, *new_pages)) return unexpected(Error::Invalid);
  if (user_end_ < old_begin || *old_pages > user_end_ - old_begin) return unexpected(Error::NotMapped);
  if (*new_pages > user_end_ - Gva(0)) return unexpected(Error::OutOfMemory);
  Remap remap{{old_begin, old_begin + *old_pages}, *new_pages, flags, fixed};
  if (remap.fixed_place()) {
    if (!fixed.page_aligned() || user_end_ < fixed || *new_pages > user_end_ - fixed) return unexpected(Error::Invalid);
    if (fixed < kUserBegin) return unexpected(Error::Denied);
    if (GvaRange{fixed, fixed + *new_pages}.overlaps(remap.from)) return unexpected(Error::Invalid);
  }
  std::vector<Vma> gone; // dies after the guard
  const LockGuard guard(mutex);
  return remap_locked(remap, gone);
}

Result<Gva> Space::remap_locked(Remap &remap, std::vector<Vma> &gone) {
  const Vma *area = areas_.find(remap.from.begin);
  if (area == nullptr) return unexpected(Error::NotMapped);
  if (const auto fine = suitable(*area, remap.from, remap.new_length, remap.keep_old()); !fine)
    return unexpected(fine.error());
  if (const auto room = can_split(); !room) return unexpected(room.error());
  if (const std::uint64_t growth = remap.growth(); growth != 0)
    if (const auto allowed = admit(*area, growth); !allowed) return unexpected(allowed.error());

  const bool move = remap.fixed_place() || remap.keep_old() || remap.from.empty();
  if (!move && remap.new_length <= remap.from.length()) {
    Batch batch;
    gone = take_out({remap.from.begin + remap.new_length, remap.from.end}, batch);
    finish(std::move(batch));
    return remap.from.begin;
  }
  if (!move && area->range.end == remap.from.end && remap.new_length <= user_end_ - remap.from.begin &&
      areas_.placeable({remap.from.end, remap.from.begin + remap.new_length})) {
    Vma more = area->part({remap.from.end, remap.from.end});
    more.range.end = remap.from.begin + remap.new_length;
    insert(std::move(more));
    return remap.from.begin;
  }
  if (!has(remap.flags, RemapFlags::MayMove)) return unexpected(Error::OutOfMemory);
  const Vma source = *area; // the edits below invalidate the pointer
  return remap_move(remap, source, gone);
}

Result<Gva> Space::remap_move(const Remap &remap, const Vma &source, std::vector<Vma> &gone) {
  MapRequest request;
  request.placement = remap.fixed_place() ? MapRequest::Placement::Fixed : MapRequest::Placement::Anywhere;
  if (remap.fixed_place()) request.hint = remap.fixed;
  const auto target = place(request, remap.new_length);
  if (!target) return target;
  const GvaRange to{*target, *target + remap.new_length};
  const GvaRange moving{remap.from.begin, remap.from.begin + std::min(remap.from.length(), remap.new_length)};

  Batch batch;
  if (remap.fixed_place()) {
    gone = take_out(to, batch);
    // A tail that does not fit the new length is unmapped, not moved.
    auto tail = take_out({moving.end, std::max(moving.end, remap.from.end)}, batch);
    gone.insert(gone.end(), std::make_move_iterator(tail.begin()), std::make_move_iterator(tail.end()));
  }
  if (!moving.empty()) {
    if (const auto moved = table_.move(moving, to.begin, batch); !moved) {
      finish(std::move(batch));
      return unexpected(moved.error());
    }
  }
  finish(std::move(batch));

  Vma area = source;
  if (area.has_offset()) area.file_offset = source.offset_of(remap.from.begin);
  if (area.role == VmaRole::Heap) area.role = VmaRole::Plain;
  area.range = to;
  if (!remap.keep_old()) {
    auto old = areas_.remove(moving);
    gone.insert(gone.end(), std::make_move_iterator(old.begin()), std::make_move_iterator(old.end()));
  }
  insert(std::move(area));
  return to.begin;
}

} // namespace pagoda::space
