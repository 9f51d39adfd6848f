// mmap, munmap, mprotect, mremap and brk (their man pages are the source of every errno).
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>

#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/map_arguments.hpp"
#include "guest/linux/syscall/memory/populate.hpp"
#include "guest/linux/syscall/memory/shared_memory.hpp"
#include "guest/linux/syscall/memory/space_errno.hpp"
#include "mmu/base/checked.hpp"

namespace pagoda::kernel::memory {

namespace {

// MAP_SHARED without a file: memory of zeroes that forked children see too.
void attach_zeroes(Call &call, MapPlan &plan, const char *name) {
  if (!plan.shared) return;
  static std::atomic<std::uint64_t> next_inode{1};
  plan.request.area.object = zero_object(call.kernel.platform(), name, next_inode.fetch_add(1));
}

// Gives the area its file: privately by the file's store, shared by the object of the file's pages.
int attach_file(Call &call, MapPlan &plan) {
  const auto file = call.process.fds->get(call.arg_int(4));
  if (!file || file->kind() == FileKind::Path) return EBADF;
  const int mode = file->flags() & O_ACCMODE;
  if (mode == O_WRONLY) return EACCES;
  space::Vma &area = plan.request.area;
  const bool may_write = mode == O_RDWR && (file->flags() & O_APPEND) == 0;
  if (plan.shared && has(area.prot, Prot::Write) && !may_write) return EACCES;
  const auto store = file->store();
  if (!store) return ENODEV;
  auto frames = file->frames();
  if (file->kind() == FileKind::Device && !frames) { // /dev/zero: every mapping is memory of its own
    attach_zeroes(call, plan, "/dev/zero");
    return 0;
  }
  area.file = store;
  if (!plan.shared) return 0;
  if (!may_write) area.max_prot = area.max_prot & ~Prot::Write;
  if (frames) {
    area.object = std::move(frames);
    return 0;
  }
  area.object = shared_memory(call.kernel)->object_of(store, may_write ? file : nullptr);
  return 0;
}

bool may_lock(const Call &call, std::uint64_t bytes) {
  return call.process.credentials.euid == 0 || bytes <= call.process.limits[RLIMIT_MEMLOCK].rlim_cur;
}

// What programs wrote through the range to shared files reaches them before the range goes.
void write_back(Call &call, GvaRange range) {
  for (const space::Vma &area : call.process.space->areas(range))
    if (area.shared && area.file) (void)shared_memory(call.kernel)->write_back(area);
}

// An allocator that asks for a little more, and has used what it had, uses this too at once: a page made
// present here costs a tenth of one that faults.
void fill_growing_heap(const Call &call, GvaRange grown) {
  const space::Space &space = *call.process.space;
  constexpr std::uint64_t kWindow = fault::kFaultAroundMost * kPageSize;
  if (grown.empty() || grown.length() > kWindow || !space.query(grown.begin - kPageSize)) return;
  fault_in(call, grown.begin, Access::Write);
  if (const Gva last = grown.end - kPageSize; !space.query(last)) fault_in(call, last, Access::Write);
}

} // namespace

SysResult do_mmap(Call &call) {
  auto plan = decode_map({call.arg(0), call.arg(1), call.arg(2), call.arg(3), call.arg(5)});
  if (!plan) return SysResult::error(plan.error());
  if (plan->anonymous)
    attach_zeroes(call, *plan, "/dev/zero (deleted)");
  else if (const int error = attach_file(call, *plan); error != 0)
    return SysResult::error(error);
  if (plan->locked && !may_lock(call, plan->request.length)) return SysResult::error(EAGAIN);

  const std::uint64_t length = plan->request.length;
  space::Space &space = *call.process.space;
  const auto at = space.map(std::move(plan->request));
  if (!at) return SysResult::error(space_errno(at.error()));
  if (plan->populate) (void)populate_by_rights(call, {*at, *at + length});
  return std::int64_t(at->value());
}

SysResult do_munmap(Call &call) {
  if (call.arg(1) == 0) return SysResult::error(EINVAL);
  const auto range = decode_range(call.arg(0), call.arg(1), EINVAL, EINVAL);
  if (!range) return SysResult::error(range.error());
  if (!kUserSpace.contains(*range)) return SysResult::error(EINVAL);
  write_back(call, *range);
  const auto done = call.process.space->unmap(*range);
  return done ? SysResult(0) : SysResult::error(space_errno(done.error()));
}

SysResult do_mprotect(Call &call) {
  std::uint64_t prot = call.arg(2);
  const bool down = (prot & PROT_GROWSDOWN) != 0;
  if (down && (prot & PROT_GROWSUP) != 0) return SysResult::error(EINVAL);
  prot &= ~std::uint64_t(PROT_GROWSDOWN | PROT_GROWSUP);
  auto range = decode_range(call.arg(0), call.arg(1), EINVAL, ENOMEM);
  if (!range) return SysResult::error(range.error());
  constexpr std::uint64_t kSemaphore = 8; // PROT_SEM: allowed, without effect
  if (range->empty()) return 0;
  if ((prot & ~std::uint64_t(PROT_READ | PROT_WRITE | PROT_EXEC | kSemaphore)) != 0) return SysResult::error(EINVAL);
  if (!kUserSpace.contains(*range)) return SysResult::error(ENOMEM);

  space::Space &space = *call.process.space;
  if (down) {
    const auto areas = space.areas(*range);
    if (areas.empty()) return SysResult::error(ENOMEM);
    if (!areas.front().grows_down) return SysResult::error(EINVAL);
    range->begin = areas.front().range.begin;
  }
  if ((call.arg(2) & PROT_GROWSUP) != 0) return SysResult::error(EINVAL); // no area grows upwards
  const auto done = space.protect(*range, decode_prot(prot));
  return done ? SysResult(0) : SysResult::error(space_errno(done.error(), ENOMEM, EACCES));
}

SysResult do_mremap(Call &call) {
  const std::uint64_t flags = call.arg(3);
  constexpr std::uint64_t kKnown = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  const bool may_move = (flags & MREMAP_MAYMOVE) != 0;
  const bool fixed = (flags & MREMAP_FIXED) != 0;
  const bool keep_old = (flags & MREMAP_DONTUNMAP) != 0;
  if ((flags & ~kKnown) != 0 || ((fixed || keep_old) && !may_move)) return SysResult::error(EINVAL);
  const Gva old_begin = call.arg_gva(0);
  const auto old_length = checked_align_up(call.arg(1), kPageSize);
  const auto new_length = checked_align_up(call.arg(2), kPageSize);
  if (!old_begin.page_aligned() || !old_length || !new_length || *new_length == 0) return SysResult::error(EINVAL);
  if (keep_old && *old_length != *new_length) return SysResult::error(EINVAL);
  const auto old_end = checked_add(old_begin.value(), *old_length);
  if (!old_end || *old_end > space::kUserEnd.value()) return SysResult::error(EFAULT);
  if (*new_length > space::kUserEnd.value()) return SysResult::error(fixed ? EINVAL : ENOMEM);

  const Gva target = fixed || keep_old ? call.arg_gva(4) : Gva();
  if (fixed) {
    const auto end = checked_add(target.value(), *new_length);
    if (!target.page_aligned() || !end || *end > space::kUserEnd.value()) return SysResult::error(EINVAL);
    if (GvaRange{target, Gva(*end)}.overlaps({old_begin, Gva(*old_end)})) return SysResult::error(EINVAL);
    if (target < space::kUserBegin) return SysResult::error(EPERM);
  }
  auto wish = space::RemapFlags::None;
  if (may_move) wish = wish | space::RemapFlags::MayMove;
  if (fixed) wish = wish | space::RemapFlags::Fixed;
  if (keep_old) wish = wish | space::RemapFlags::DontUnmap;
  const auto at = call.process.space->remap(old_begin, *old_length, *new_length, wish, target);
  return at ? SysResult(std::int64_t(at->value())) : SysResult::error(space_errno(at.error(), EFAULT));
}

SysResult do_brk(Call &call) {
  space::Space &space = *call.process.space;
  const Gva before = space.current_break();
  const Gva after = space.set_break(call.arg_gva(0));
  if (before < after) fill_growing_heap(call, {before.page_ceil(), after.page_ceil()});
  return std::int64_t(after.value());
}

// Gone from Linux itself since 4.0, where it is emulated by a fresh mapping; nobody is known to use it.
SysResult do_remap_file_pages(Call & /*call*/) { return SysResult::error(EINVAL); }

} // namespace pagoda::kernel::memory
