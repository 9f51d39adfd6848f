// A lock that costs its owner no atomic instruction: per-CPU data whose own thread comes by all the
// time and whose rare visitor (a drain, a statistic) pays for both.
//
// The owner announces itself with a plain store and then looks for a visitor; the visitor announces
// itself, makes every running thread of the process pass a full barrier by membarrier(2)
// (PRIVATE_EXPEDITED), and waits until the owner is out. That is Dekker's protocol with its store-load
// fence moved to the rare side. Without membarrier, and under ThreadSanitizer, which cannot see it,
// both sides fence.
//
// Invariants: `Owned` is entered by one thread at a time (the one that has the CPU slot); visitors
// exclude each other by a lock of the caller's.
#pragma once

#include <atomic>
#include <cstdint>

namespace pagoda {

#if defined(__SANITIZE_THREAD__)
#define PAGODA_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PAGODA_TSAN 1
#endif
#endif
#ifndef PAGODA_TSAN
#define PAGODA_TSAN 0
#endif

class BiasedLock {
public:
  // Owner's side. False when a visitor is inside: take the path with the lock instead.
  [[nodiscard]] bool try_enter() {
    if constexpr (PAGODA_TSAN) {
      if (busy_.exchange(true, std::memory_order_seq_cst)) return false;
      if ((attention_.load(std::memory_order_seq_cst) & kVisited) == 0) [[likely]]
        return true;
      busy_.store(false, std::memory_order_release);
      return false;
    }
    busy_.store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst); // the visitor's membarrier does the rest
    if (attention_.load(std::memory_order_acquire) == 0) [[likely]]
      return true;
    return enter_attentively();
  }
  // The same in fewer instructions; false also where the owner would have to fence.
  [[nodiscard]] bool try_enter_plainly() {
    if constexpr (PAGODA_TSAN) return try_enter();
    busy_.store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (attention_.load(std::memory_order_acquire) == 0) [[likely]]
      return true;
    busy_.store(false, std::memory_order_release);
    return false;
  }
  void leave() { busy_.store(false, std::memory_order_release); }

  // Visitor's side: the owner is outside from here to `end_visit`.
  void begin_visit();
  void end_visit() { attention_.fetch_and(std::uint8_t(~kVisited), std::memory_order_release); }

private:
  static constexpr std::uint8_t kVisited = 1;
  static constexpr std::uint8_t kFences = 2; // the kernel has no private expedited membarrier

  [[nodiscard]] static bool needs_own_fence();
  [[nodiscard]] bool enter_attentively();
  std::atomic<bool> busy_{false};
  std::atomic<std::uint8_t> attention_{needs_own_fence() ? kFences : std::uint8_t{0}};
};

} // namespace pagoda
