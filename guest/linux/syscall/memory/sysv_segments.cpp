#include "guest/linux/syscall/memory/sysv_segments.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

#include "guest/linux/syscall/memory/shared_memory.hpp"

namespace pagoda::kernel {

using std::unexpected;

namespace {

constexpr unsigned kModeBits = 0777;

bool in_group(const Credentials &credentials, std::uint32_t gid) {
  return credentials.egid == gid || std::ranges::find(credentials.groups, gid) != credentials.groups.end();
}

bool owns(const ipc_perm &permissions, const Credentials &credentials) {
  return credentials.euid == 0 || credentials.euid == permissions.uid || credentials.euid == permissions.cuid;
}

} // namespace

bool ipc_allows(const ipc_perm &permissions, const Credentials &credentials, unsigned wanted) {
  if (credentials.euid == 0) return true;
  unsigned granted = permissions.mode;
  if (credentials.euid == permissions.uid || credentials.euid == permissions.cuid)
    granted >>= 6;
  else if (in_group(credentials, permissions.gid) || in_group(credentials, permissions.cgid))
    granted >>= 3;
  return ((wanted >> 6) & ~granted & 7) == 0;
}

void SegmentTable::purge() {
  std::erase_if(segments_,
                [](const auto &entry) { return entry.second.removed && entry.second.object.use_count() == 1; });
}

std::expected<int, int> SegmentTable::get(std::int32_t key, std::uint64_t size, int flags, const Process &process,
                                          std::int64_t now) {
  const LockGuard guard(mutex_);
  purge();
  const unsigned mode = unsigned(flags) & kModeBits;
  if (key != IPC_PRIVATE) {
    const auto known = std::ranges::find_if(
        segments_, [&](const auto &entry) { return !entry.second.removed && entry.second.info.shm_perm.__key == key; });
    if (known != segments_.end()) {
      const Segment &segment = known->second;
      if ((flags & IPC_CREAT) != 0 && (flags & IPC_EXCL) != 0) return unexpected(EEXIST);
      if (!ipc_allows(segment.info.shm_perm, process.credentials, mode)) return unexpected(EACCES);
      if (segment.info.shm_segsz < size) return unexpected(EINVAL);
      return segment.id;
    }
    if ((flags & IPC_CREAT) == 0) return unexpected(ENOENT);
  }
  if (size == 0 || size > kMaxBytes) return unexpected(EINVAL);
  if ((flags & SHM_HUGETLB) != 0) return unexpected(ENOMEM); // there is no pool of huge pages
  if (segments_.size() >= kMaxSegments) return unexpected(ENOSPC);
  const std::uint64_t bytes = page_ceil(size);
  if ((flags & SHM_NORESERVE) == 0 && (bytes >> kPageShift) > platform_.memory.counters().managed)
    return unexpected(ENOMEM);

  Segment segment;
  segment.id = next_id_++;
  next_id_ &= 0x7fffffff;
  segment.size = bytes;
  segment.object =
      zero_object(platform_, fmt::format("/SYSV{:08x} (deleted)", std::uint32_t(key)), std::uint64_t(segment.id));
  ipc_perm &perm = segment.info.shm_perm;
  perm.__key = key;
  perm.uid = perm.cuid = process.credentials.euid;
  perm.gid = perm.cgid = process.credentials.egid;
  perm.mode = static_cast<decltype(perm.mode)>(mode);
  segment.info.shm_segsz = size;
  segment.info.shm_ctime = now;
  segment.info.shm_cpid = pid_t(process.pid());
  const int id = segment.id;
  segments_[id] = std::move(segment);
  return id;
}

std::optional<Segment> SegmentTable::find(int id) {
  const LockGuard guard(mutex_);
  purge();
  const auto found = segments_.find(id);
  if (found == segments_.end()) return std::nullopt;
  return found->second;
}

std::optional<Segment> SegmentTable::at_index(int index) {
  const LockGuard guard(mutex_);
  purge();
  if (index < 0 || std::size_t(index) >= segments_.size()) return std::nullopt;
  return std::next(segments_.begin(), index)->second;
}

std::optional<Segment> SegmentTable::of(const std::shared_ptr<space::SharedObject> &object) {
  const LockGuard guard(mutex_);
  const auto found = std::ranges::find_if(segments_, [&](const auto &entry) { return entry.second.object == object; });
  if (found == segments_.end()) return std::nullopt;
  return found->second;
}

void SegmentTable::note(int id, std::uint32_t pid, std::int64_t now, bool attached) {
  const LockGuard guard(mutex_);
  const auto found = segments_.find(id);
  if (found == segments_.end()) return;
  shmid_ds &info = found->second.info;
  info.shm_lpid = pid_t(pid);
  (attached ? info.shm_atime : info.shm_dtime) = now;
}

int SegmentTable::set(int id, const shmid_ds &wanted, const Credentials &credentials, std::int64_t now) {
  const LockGuard guard(mutex_);
  const auto found = segments_.find(id);
  if (found == segments_.end()) return EINVAL;
  ipc_perm &perm = found->second.info.shm_perm;
  if (!owns(perm, credentials)) return EPERM;
  perm.uid = wanted.shm_perm.uid;
  perm.gid = wanted.shm_perm.gid;
  perm.mode = static_cast<decltype(perm.mode)>((perm.mode & ~kModeBits) | (wanted.shm_perm.mode & kModeBits));
  found->second.info.shm_ctime = now;
  return 0;
}

int SegmentTable::remove(int id, const Credentials &credentials) {
  const LockGuard guard(mutex_);
  const auto found = segments_.find(id);
  if (found == segments_.end()) return EINVAL;
  if (!owns(found->second.info.shm_perm, credentials)) return EPERM;
  found->second.removed = true;
  found->second.info.shm_perm.__key = IPC_PRIVATE;
  purge();
  return 0;
}

SegmentTable::Totals SegmentTable::totals() {
  const LockGuard guard(mutex_);
  purge();
  Totals totals;
  for (const auto &[id, segment] : segments_) {
    ++totals.used_ids;
    totals.pages += segment.size >> kPageShift;
    totals.resident += segment.object->resident_pages();
  }
  totals.highest_index = std::max(0, totals.used_ids - 1);
  return totals;
}

} // namespace pagoda::kernel
