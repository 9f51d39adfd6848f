// Arithmetic on numbers that a guest controls: the name says what happens on overflow.
#pragma once

#include <concepts>
#include <limits>
#include <optional>

namespace pagoda {

template <std::unsigned_integral T> [[nodiscard]] constexpr std::optional<T> checked_add(T a, T b) {
  T sum{};
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

template <std::unsigned_integral T> [[nodiscard]] constexpr std::optional<T> checked_mul(T a, T b) {
  T product{};
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

template <std::unsigned_integral T> [[nodiscard]] constexpr T saturating_add(T a, T b) {
  return checked_add(a, b).value_or(std::numeric_limits<T>::max());
}

// Rounds up to a multiple of `unit`, a power of two; nothing when the result does not fit.
template <std::unsigned_integral T> [[nodiscard]] constexpr std::optional<T> checked_align_up(T value, T unit) {
  auto sum = checked_add<T>(value, unit - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(unit - 1);
}

} // namespace pagoda
