// Locks with clang thread-safety annotations (checked by the tidy preset; no-ops under g++).
//
// Lock order, outermost first; a lock is never taken while one further down is held:
//   kernel::Kernel::mutex  ->  kernel::FdTable  ->  space::Space::mutex  ->  tlb::Invalidator  ->  phys::PhysicalMemory
// No lock is held while guest memory is touched through a fallible path (see mmu/fault/access.hpp).
#pragma once

#include <mutex>

#if defined(__clang__)
#define PAGODA_TSA(x) __attribute__((x))
#else
#define PAGODA_TSA(x)
#endif
#define PAGODA_CAPABILITY(name) PAGODA_TSA(capability(name))
#define PAGODA_SCOPED_CAPABILITY PAGODA_TSA(scoped_lockable)
#define PAGODA_GUARDED_BY(m) PAGODA_TSA(guarded_by(m))
#define PAGODA_REQUIRES(...) PAGODA_TSA(requires_capability(__VA_ARGS__))
#define PAGODA_EXCLUDES(...) PAGODA_TSA(locks_excluded(__VA_ARGS__))
#define PAGODA_ACQUIRE(...) PAGODA_TSA(acquire_capability(__VA_ARGS__))
#define PAGODA_RELEASE(...) PAGODA_TSA(release_capability(__VA_ARGS__))
#define PAGODA_NO_THREAD_SAFETY_ANALYSIS PAGODA_TSA(no_thread_safety_analysis)

namespace pagoda {

class PAGODA_CAPABILITY("mutex") Mutex {
public:
  void lock() PAGODA_ACQUIRE() { inner_.lock(); }
  void unlock() PAGODA_RELEASE() { inner_.unlock(); }

private:
  std::mutex inner_;
};

class PAGODA_SCOPED_CAPABILITY LockGuard {
public:
  explicit LockGuard(Mutex &mutex) PAGODA_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() PAGODA_RELEASE() { mutex_.unlock(); }
  LockGuard(const LockGuard &) = delete;
  LockGuard &operator=(const LockGuard &) = delete;

private:
  Mutex &mutex_;
};

} // namespace pagoda
