// shmget(2), shmat(2), shmdt(2), shmctl(2).
#include <cerrno>
#include <ctime>
#include <set>

#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/map_arguments.hpp"
#include "guest/linux/syscall/memory/shared_memory.hpp"
#include "guest/linux/syscall/memory/space_errno.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::memory {

namespace {

constexpr unsigned kRead = 0400;
constexpr unsigned kWrite = 0200;

std::vector<std::shared_ptr<space::Space>> all_spaces(Kernel &kernel) {
  const LockGuard guard(kernel.mutex);
  std::set<std::shared_ptr<space::Space>> spaces; // vfork shares one between two processes
  for (const auto &[pid, process] : kernel.processes)
    if (process->space) spaces.insert(process->space);
  return {spaces.begin(), spaces.end()};
}

std::uint64_t attachments(Kernel &kernel, const Segment &segment) {
  std::uint64_t count = 0;
  for (const auto &space : all_spaces(kernel))
    for (const auto &area : space->areas())
      if (area.object == segment.object && area.file_offset == 0) ++count;
  return count;
}

// Where shmat is to map: nowhere in particular, or at an address rounded as SHM_RND asks.
int place(const Call &call, int flags, space::MapRequest &request) {
  using Placement = space::MapRequest::Placement;
  std::uint64_t address = call.arg(1);
  if (address == 0) return (flags & SHM_REMAP) != 0 ? EINVAL : 0;
  if ((address & kPageMask) != 0) {
    if ((flags & SHM_RND) == 0) return EINVAL;
    address = page_floor(address);
    if (address == 0) return EINVAL;
  }
  if (address < space::kUserBegin.value() || address >= space::kUserEnd.value()) return EINVAL;
  request.hint = Gva(address);
  request.placement = (flags & SHM_REMAP) != 0 ? Placement::Fixed : Placement::FixedNoReplace;
  return 0;
}

SysResult copy_status(Call &call, const Segment &segment) {
  shmid_ds info = segment.info;
  info.shm_nattch = attachments(call.kernel, segment);
  if (segment.removed) info.shm_perm.mode |= SHM_DEST;
  return put_user(call, call.arg_gva(2), info) ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult status_by_index(Call &call, SegmentTable &segments, bool check) {
  const auto segment = segments.at_index(call.arg_int(0));
  if (!segment) return SysResult::error(EINVAL);
  if (check && !ipc_allows(segment->info.shm_perm, call.process.credentials, kRead)) return SysResult::error(EACCES);
  SysResult copied = copy_status(call, *segment);
  return copied.value() < 0 ? std::move(copied) : SysResult(segment->id);
}

SysResult limits(Call &call, SegmentTable &segments) {
  shminfo info{};
  info.shmmax = SegmentTable::kMaxBytes;
  info.shmmin = 1;
  info.shmmni = SegmentTable::kMaxSegments;
  info.shmseg = SegmentTable::kMaxSegments;
  info.shmall = SegmentTable::kMaxBytes >> kPageShift;
  if (!put_user(call, call.arg_gva(2), info)) return SysResult::error(EFAULT);
  return segments.totals().highest_index;
}

SysResult totals(Call &call, SegmentTable &segments) {
  const auto sums = segments.totals();
  shm_info info{};
  info.used_ids = sums.used_ids;
  info.shm_tot = sums.pages;
  info.shm_rss = sums.resident;
  if (!put_user(call, call.arg_gva(2), info)) return SysResult::error(EFAULT);
  return sums.highest_index;
}

} // namespace

SysResult do_shmget(Call &call) {
  const auto id = shared_memory(call.kernel)
                      ->segments.get(call.arg_int(0), call.arg(1), call.arg_int(2), call.process, std::time(nullptr));
  return id ? SysResult(*id) : SysResult::error(id.error());
}

SysResult do_shmat(Call &call) {
  const auto shared = shared_memory(call.kernel);
  const int flags = call.arg_int(2);
  const auto segment = shared->segments.find(call.arg_int(0));
  if (!segment) return SysResult::error(EINVAL);
  const bool read_only = (flags & SHM_RDONLY) != 0;
  if (!ipc_allows(segment->info.shm_perm, call.process.credentials, read_only ? kRead : kRead | kWrite))
    return SysResult::error(EACCES);

  space::MapRequest request;
  if (const int error = place(call, flags, request); error != 0) return SysResult::error(error);
  request.length = segment->size;
  request.area.shared = true;
  request.area.prot = read_only ? Prot::Read : Prot::Read | Prot::Write;
  if ((flags & SHM_EXEC) != 0) request.area.prot = request.area.prot | Prot::Execute;
  if (read_only) request.area.max_prot = request.area.max_prot & ~Prot::Write;
  request.area.object = segment->object;
  const auto at = call.process.space->map(std::move(request));
  if (!at) return SysResult::error(at.error() == Error::Exists ? EINVAL : space_errno(at.error()));
  shared->segments.note(segment->id, call.process.pid(), std::time(nullptr), true);
  return std::int64_t(at->value());
}

SysResult do_shmdt(Call &call) {
  const auto shared = shared_memory(call.kernel);
  const Gva address = call.arg_gva(0);
  if (!address.page_aligned()) return SysResult::error(EINVAL);
  std::optional<Segment> segment;
  std::vector<GvaRange> parts; // one attachment may have been split by mprotect
  for (const auto &area : call.process.space->areas()) {
    if (!area.object || area.range.begin < address) continue;
    if (!segment && area.range.begin == address && area.file_offset == 0) segment = shared->segments.of(area.object);
    if (!segment) break;
    if (area.object == segment->object && area.file_offset == area.range.begin - address) parts.push_back(area.range);
  }
  if (!segment) return SysResult::error(EINVAL);
  for (const GvaRange part : parts) {
    const auto done = call.process.space->unmap(part);
    if (!done) return SysResult::error(space_errno(done.error()));
  }
  shared->segments.note(segment->id, call.process.pid(), std::time(nullptr), false);
  return 0;
}

SysResult do_shmctl(Call &call) {
  const auto shared = shared_memory(call.kernel);
  SegmentTable &segments = shared->segments;
  constexpr int kStatAny = 15; // SHM_STAT_ANY
  const Credentials &credentials = call.process.credentials;
  const int command = call.arg_int(1);
  const int id = call.arg_int(0);
  if (id < 0) return SysResult::error(EINVAL);
  switch (command) {
  case IPC_INFO: return limits(call, segments);
  case SHM_INFO: return totals(call, segments);
  case SHM_STAT: return status_by_index(call, segments, true);
  case kStatAny: return status_by_index(call, segments, false);
  case IPC_STAT: {
    const auto segment = segments.find(id);
    if (!segment) return SysResult::error(EINVAL);
    if (!ipc_allows(segment->info.shm_perm, credentials, kRead)) return SysResult::error(EACCES);
    return copy_status(call, *segment);
  }
  case IPC_SET: {
    shmid_ds wanted{};
    if (!get_user(call, call.arg_gva(2), wanted)) return SysResult::error(EFAULT);
    return SysResult::error(segments.set(id, wanted, credentials, std::time(nullptr)));
  }
  case IPC_RMID: return SysResult::error(segments.remove(id, credentials));
  case SHM_LOCK: // nothing is ever paged out: a lock holds already
  case SHM_UNLOCK: return segments.find(id) ? SysResult(0) : SysResult::error(EINVAL);
  default: return SysResult::error(EINVAL);
  }
}

} // namespace pagoda::kernel::memory
