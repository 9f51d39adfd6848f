// System V shared memory: the table of segments (shmget(2), shmat(2), shmctl(2)).
//
// Pure bookkeeping over shared objects. How often a segment is attached is not counted here but
// found in the address spaces: an attachment is an area that begins at offset 0 of the object.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <sys/shm.h>

#include "guest/linux/platform.hpp"
#include "guest/linux/process.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/space/shared_object.hpp"

namespace pagoda::kernel {

struct Segment {
  int id = 0;
  shmid_ds info{}; // shm_nattch is filled in by whoever asks the spaces
  std::uint64_t size = 0;
  bool removed = false; // IPC_RMID was called; goes when the last attachment goes
  std::shared_ptr<space::SharedObject> object;
};

class SegmentTable {
public:
  explicit SegmentTable(const Platform &platform) : platform_(platform) {}

  // shmget: an id, or an errno.
  std::expected<int, int> get(std::int32_t key, std::uint64_t size, int flags, const Process &process,
                              std::int64_t now);
  [[nodiscard]] std::optional<Segment> find(int id); // a copy; null: EINVAL
  [[nodiscard]] std::optional<Segment> at_index(int index);
  [[nodiscard]] std::optional<Segment> of(const std::shared_ptr<space::SharedObject> &object);
  // Notes an attach (`attached` true) or detach by `pid`.
  void note(int id, std::uint32_t pid, std::int64_t now, bool attached);
  // shmctl IPC_SET and IPC_RMID; 0 or an errno.
  int set(int id, const shmid_ds &wanted, const Credentials &credentials, std::int64_t now);
  int remove(int id, const Credentials &credentials);
  struct Totals {
    int used_ids = 0;
    int highest_index = 0;
    std::uint64_t pages = 0;    // of all segments
    std::uint64_t resident = 0; // those in memory
  };
  [[nodiscard]] Totals totals();

  // SHMMNI, SHMMAX, SHMALL of Linux.
  static constexpr std::size_t kMaxSegments = 4096;
  static constexpr std::uint64_t kMaxBytes = ~0ull - (1ull << 24);

private:
  void purge() PAGODA_REQUIRES(mutex_); // removed segments that nobody has attached

  const Platform &platform_;
  Mutex mutex_;
  std::map<int, Segment> segments_ PAGODA_GUARDED_BY(mutex_);
  int next_id_ PAGODA_GUARDED_BY(mutex_) = 0;
};

// Whether `credentials` may have `wanted` (0400 read, 0200 write) of an object with these rights.
[[nodiscard]] bool ipc_allows(const ipc_perm &permissions, const Credentials &credentials, unsigned wanted);

} // namespace pagoda::kernel
