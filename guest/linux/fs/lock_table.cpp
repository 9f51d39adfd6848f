#include "guest/linux/fs/lock_table.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/eventfd.h>

namespace pagoda::kernel {

const LockTable::Lock *LockTable::find_conflict(const Key &key, const Lock &lock) const {
  auto found = locks_.find(key);
  if (found == locks_.end()) return nullptr;
  for (const Lock &held : found->second) {
    bool overlap = held.begin < lock.end && lock.begin < held.end;
    if (overlap && held.owner != lock.owner && (held.exclusive || lock.exclusive)) return &held;
  }
  return nullptr;
}

// Takes [range.begin, range.end) out of what the owner holds, splitting where it must.
void LockTable::carve(Locks &locks, const Lock &range, std::size_t &count) {
  Locks kept;
  for (const Lock &held : locks) {
    if (held.owner != range.owner || held.end <= range.begin || range.end <= held.begin) {
      kept.push_back(held);
      continue;
    }
    Lock part = held;
    if (held.begin < range.begin) {
      part.end = range.begin;
      kept.push_back(part);
    }
    if (range.end < held.end) {
      part = held;
      part.begin = range.end;
      kept.push_back(part);
    }
  }
  count = count - locks.size() + kept.size();
  locks = std::move(kept);
}

int LockTable::acquire(const Key &key, const Lock &lock) {
  LockGuard guard(mutex_);
  if (find_conflict(key, lock) != nullptr) return EAGAIN;
  if (count_ + 2 > kMostLocks) return ENOLCK;
  Locks &locks = locks_[key];
  carve(locks, lock, count_);
  // Adjacent locks of one kind are one lock, so that a million one-byte locks stay one entry.
  Lock merged = lock;
  count_ -= std::erase_if(locks, [&](const Lock &held) {
    bool same = held.owner == merged.owner && held.exclusive == merged.exclusive;
    if (!same || (held.end != merged.begin && merged.end != held.begin)) return false;
    merged.begin = std::min(merged.begin, held.begin);
    merged.end = std::max(merged.end, held.end);
    return true;
  });
  locks.push_back(merged);
  ++count_;
  notify(); // a write lock may have become a read lock
  return 0;
}

void LockTable::release(const Key &key, const Lock &range) {
  LockGuard guard(mutex_);
  auto found = locks_.find(key);
  if (found == locks_.end()) return;
  carve(found->second, range, count_);
  if (found->second.empty()) locks_.erase(found);
  notify();
}

std::optional<LockTable::Lock> LockTable::conflict(const Key &key, const Lock &lock) const {
  LockGuard guard(mutex_);
  const Lock *held = find_conflict(key, lock);
  return held != nullptr ? std::optional(*held) : std::nullopt;
}

void LockTable::release_file(std::uint64_t device, std::uint64_t inode, Owner owner) {
  release({device, inode, World::Record}, {.owner = owner});
}

void LockTable::release_owner(Owner owner) {
  LockGuard guard(mutex_);
  for (auto it = locks_.begin(); it != locks_.end();) {
    count_ -= std::erase_if(it->second, [&](const Lock &held) { return held.owner == owner; });
    it = it->second.empty() ? locks_.erase(it) : std::next(it);
  }
  notify();
}

void LockTable::notify() {
  for (Waiter *waiter : waiters_) ::eventfd_write(waiter->event_.get(), 1);
}

bool LockTable::would_deadlock(const Key &key, const Lock &lock) const {
  LockGuard guard(mutex_);
  const Lock *held = find_conflict(key, lock);
  // Follows holder -> what it waits for -> holder …; a chain longer than the waiters cannot be new.
  for (std::size_t step = 0; held != nullptr && step <= waiters_.size(); ++step) {
    if (held->owner == lock.owner) return true;
    auto waits = std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter *w) {
      return w->wanted_.owner == held->owner && w->key_.world == key.world;
    });
    if (waits == waiters_.end()) return false;
    const Lock *next = find_conflict((*waits)->key_, (*waits)->wanted_);
    if (next != nullptr && next->owner == lock.owner) return true;
    held = next;
  }
  return false;
}

LockTable::Waiter::Waiter(LockTable &table, const Key &key, const Lock &wanted)
    : table_(table), key_(key), wanted_(wanted), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  LockGuard guard(table_.mutex_);
  table_.waiters_.push_back(this);
}

LockTable::Waiter::~Waiter() {
  LockGuard guard(table_.mutex_);
  std::erase(table_.waiters_, this);
}

void LockTable::Waiter::rearm() {
  eventfd_t value = 0;
  ::eventfd_read(event_.get(), &value);
}

} // namespace pagoda::kernel
