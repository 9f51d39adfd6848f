// The lock of a zone: held for some tens of nanoseconds, so a waiter spins for a while before it sleeps.
#pragma once

#include <mutex>

#include "mmu/base/lock.hpp"

namespace pagoda::phys {

class PAGODA_CAPABILITY("mutex") ZoneLock {
public:
  void lock() PAGODA_ACQUIRE() {
    for (unsigned spin = 0; spin < kSpins; ++spin) {
      if (inner_.try_lock()) return;
      __builtin_ia32_pause();
    }
    inner_.lock();
  }
  void unlock() PAGODA_RELEASE() { inner_.unlock(); }

private:
  static constexpr unsigned kSpins = 64;
  std::mutex inner_;
};

class PAGODA_SCOPED_CAPABILITY ZoneGuard {
public:
  explicit ZoneGuard(ZoneLock &lock) PAGODA_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~ZoneGuard() PAGODA_RELEASE() { lock_.unlock(); }
  ZoneGuard(const ZoneGuard &) = delete;
  ZoneGuard &operator=(const ZoneGuard &) = delete;

private:
  ZoneLock &lock_;
};

} // namespace pagoda::phys
