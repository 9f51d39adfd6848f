// Typed addresses and frame numbers.
//
// A guest virtual address, a guest physical address and a host virtual address are three types:
// mixing them does not compile. A point minus a point is a length in bytes; a point plus a length is
// a point. Numbers that a guest controls are combined with `checked_add` (see checked.hpp), which
// says what happens at the edge.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace pagoda {

inline constexpr unsigned kPageShift = 12;
inline constexpr std::uint64_t kPageSize = 1ull << kPageShift;
inline constexpr std::uint64_t kPageMask = kPageSize - 1;

// Rounds a length in bytes to whole 4K pages; the caller has excluded overflow.
constexpr std::uint64_t page_floor(std::uint64_t bytes) { return bytes & ~kPageMask; }
constexpr std::uint64_t page_ceil(std::uint64_t bytes) { return (bytes + kPageMask) & ~kPageMask; }

template <class Tag> class Address {
public:
  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr std::uint64_t page_offset() const { return value_ & kPageMask; }
  [[nodiscard]] constexpr bool page_aligned() const { return page_offset() == 0; }
  [[nodiscard]] constexpr Address page_floor() const { return Address(value_ & ~kPageMask); }
  // The caller has excluded overflow (the last page of the 64-bit space wraps to 0).
  [[nodiscard]] constexpr Address page_ceil() const { return Address((value_ + kPageMask) & ~kPageMask); }

  constexpr auto operator<=>(const Address &) const = default;
  constexpr Address operator+(std::uint64_t bytes) const { return Address(value_ + bytes); }
  constexpr Address operator-(std::uint64_t bytes) const { return Address(value_ - bytes); }
  constexpr std::uint64_t operator-(Address other) const { return value_ - other.value_; }
  constexpr Address &operator+=(std::uint64_t bytes) {
    value_ += bytes;
    return *this;
  }

private:
  std::uint64_t value_ = 0;
};

using Gva = Address<struct GvaTag>; // guest virtual: what a guest instruction names
using Gpa = Address<struct GpaTag>; // guest physical: what the guest's page tables name
using Hva = Address<struct HvaTag>; // host virtual: what this process dereferences

// Guest frame number: a guest physical address in units of 4K.
class Gfn {
public:
  constexpr Gfn() = default;
  constexpr explicit Gfn(std::uint64_t number) : number_(number) {}
  static constexpr Gfn of(Gpa gpa) { return Gfn(gpa.value() >> kPageShift); }

  [[nodiscard]] constexpr std::uint64_t number() const { return number_; }
  [[nodiscard]] constexpr Gpa gpa() const { return Gpa(number_ << kPageShift); }

  constexpr auto operator<=>(const Gfn &) const = default;
  constexpr Gfn operator+(std::uint64_t frames) const { return Gfn(number_ + frames); }
  constexpr std::uint64_t operator-(Gfn other) const { return number_ - other.number_; }

private:
  std::uint64_t number_ = 0;
};

// A half-open range [begin, end). Invariant kept by its makers: begin <= end.
template <class Point> struct Range {
  Point begin{};
  Point end{};

  [[nodiscard]] constexpr std::uint64_t length() const { return end - begin; }
  [[nodiscard]] constexpr bool empty() const { return !(begin < end); }
  [[nodiscard]] constexpr bool contains(Point p) const { return begin <= p && p < end; }
  [[nodiscard]] constexpr bool contains(const Range &r) const { return begin <= r.begin && r.end <= end; }
  [[nodiscard]] constexpr bool overlaps(const Range &r) const { return begin < r.end && r.begin < end; }
  constexpr bool operator==(const Range &) const = default;
};
using GvaRange = Range<Gva>;
using GpaRange = Range<Gpa>;
using GfnRange = Range<Gfn>;

} // namespace pagoda

template <class Tag> struct std::hash<pagoda::Address<Tag>> {
  std::size_t operator()(pagoda::Address<Tag> a) const noexcept { return std::hash<std::uint64_t>{}(a.value()); }
};
template <> struct std::hash<pagoda::Gfn> {
  std::size_t operator()(pagoda::Gfn g) const noexcept { return std::hash<std::uint64_t>{}(g.number()); }
};
