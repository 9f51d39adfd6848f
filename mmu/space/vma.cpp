#include "mmu/space/vma.hpp"

namespace pagoda::space {

bool Vma::continues_into(const Vma &next) const {
  if (range.end != next.range.begin) return false;
  // Foreign frames follow each other by number, which an area does not know.
  if (fixed_frames || next.fixed_frames) return false;
  if (prot != next.prot || max_prot != next.max_prot || role != next.role) return false;
  if (shared != next.shared || grows_down != next.grows_down || no_reserve != next.no_reserve) return false;
  if (dont_fork != next.dont_fork || wipe_on_fork != next.wipe_on_fork) return false;
  if (policy != next.policy) return false;
  if (file != next.file || object != next.object) return false;
  return !has_offset() || file_offset + range.length() == next.file_offset;
}

Vma Vma::part(GvaRange piece) const {
  Vma result = *this;
  if (has_offset()) result.file_offset = offset_of(piece.begin);
  result.range = piece;
  return result;
}

Gva Vma::guarded_begin() const {
  const std::uint64_t guard = kStackGuardPages * kPageSize;
  if (!grows_down) return range.begin;
  return range.begin.value() > guard ? range.begin - guard : Gva(0);
}

bool Vma::permits(Access access) const {
  if (access == Access::Read) return any(prot & (Prot::Read | Prot::Write | Prot::Execute));
  return has(prot, needed(access));
}

} // namespace pagoda::space
