// Advisory locks of guest files: record locks (fcntl), open file description locks, and flock.
//
// They live in this kernel alone, never on the host: a guest's locks cannot stall a host program.
// Source: fcntl(2) "Advisory record locking", flock(2). Record and OFD locks exclude each other;
// flock locks are a world of their own. The owner of a record lock is the descriptor table (as in
// Linux), of the two others the open file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "guest/linux/fs/unique_fd.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class LockTable {
public:
  using Owner = const void *;
  enum class World : std::uint8_t { Record, Whole };
  struct Key {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    World world = World::Record;
    auto operator<=>(const Key &) const = default;
  };
  struct Lock {
    Owner owner = nullptr;
    std::int32_t pid = -1; // shown by F_GETLK; -1 for an OFD lock
    bool exclusive = false;
    std::uint64_t begin = 0;
    std::uint64_t end = ~0ull; // exclusive; ~0: to the end of the file, however it grows
  };
  static constexpr std::size_t kMostLocks = 65536;

  // Sets the lock, replacing what the owner held there. 0, EAGAIN (somebody else's is in the way), ENOLCK.
  int acquire(const Key &key, const Lock &lock);
  void release(const Key &key, const Lock &range); // owner, begin and end count
  [[nodiscard]] std::optional<Lock> conflict(const Key &key, const Lock &lock) const;
  void release_file(std::uint64_t device, std::uint64_t inode, Owner owner); // record locks end at any close
  void release_owner(Owner owner);

  // Waits for a lock to be given up: polls readable once anything was released after it was made.
  class Waiter {
  public:
    Waiter(LockTable &table, const Key &key, const Lock &wanted);
    ~Waiter();
    Waiter(const Waiter &) = delete;
    Waiter &operator=(const Waiter &) = delete;
    [[nodiscard]] int fd() const { return event_.get(); }
    void rearm(); // before the condition is checked again

  private:
    friend class LockTable;
    LockTable &table_;
    Key key_;
    Lock wanted_;
    UniqueFd event_;
  };
  // Whether waiting for `lock` would close a circle of owners that wait for each other.
  [[nodiscard]] bool would_deadlock(const Key &key, const Lock &lock) const;

private:
  using Locks = std::vector<Lock>;
  [[nodiscard]] const Lock *find_conflict(const Key &key, const Lock &lock) const PAGODA_REQUIRES(mutex_);
  static void carve(Locks &locks, const Lock &range, std::size_t &count);
  void notify() PAGODA_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<Key, Locks> locks_ PAGODA_GUARDED_BY(mutex_);
  std::size_t count_ PAGODA_GUARDED_BY(mutex_) = 0;
  std::vector<Waiter *> waiters_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::kernel
