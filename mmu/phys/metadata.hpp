// An array of descriptors in host memory that costs nothing before it is touched: all zeroes is a valid
// element, so none is constructed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace pagoda::phys {

// Throws std::bad_alloc when the host has no address space; null for nothing.
[[nodiscard]] void *map_metadata(std::size_t bytes);
void unmap_metadata(void *at, std::size_t bytes);

template <class T> class Metadata {
public:
  static_assert(std::is_trivially_destructible_v<T>);

  Metadata() = default;
  explicit Metadata(std::size_t count) : at_(static_cast<T *>(map_metadata(count * sizeof(T)))), count_(count) {}
  ~Metadata() { unmap_metadata(at_, count_ * sizeof(T)); }
  Metadata(Metadata &&other) noexcept
      : at_(std::exchange(other.at_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  Metadata &operator=(Metadata &&other) noexcept {
    std::swap(at_, other.at_);
    std::swap(count_, other.count_);
    return *this;
  }
  Metadata(const Metadata &) = delete;
  Metadata &operator=(const Metadata &) = delete;

  [[nodiscard]] T *data() const { return at_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::span<T> span() const { return {at_, count_}; }
  [[nodiscard]] T &operator[](std::size_t index) const { return at_[index]; }

private:
  T *at_ = nullptr;
  std::size_t count_ = 0;
};

} // namespace pagoda::phys
