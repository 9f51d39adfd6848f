// A field that its owner writes and others may look at at any time: each access is whole, none is ordered.
#pragma once

#include <atomic>

namespace pagoda::phys {

template <class T> class Relaxed {
public:
  constexpr Relaxed() = default;
  constexpr Relaxed(T value) : value_(value) {} // NOLINT(google-explicit-constructor): it stands for a T
  Relaxed(const Relaxed &other) : value_(T(other)) {}
  Relaxed &operator=(const Relaxed &other) { return *this = T(other); }
  Relaxed &operator=(T value) {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  operator T() const { return value_.load(std::memory_order_relaxed); } // NOLINT(google-explicit-constructor)

private:
  std::atomic<T> value_{};
};

} // namespace pagoda::phys
