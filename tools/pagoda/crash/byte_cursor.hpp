// Reads DWARF's primitive values from bounded bytes; past the end everything reads as 0 and `ok`
// turns false.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace pagoda::tools {

class ByteCursor {
public:
  // `address`: of the first byte, for values that are relative to their own place.
  ByteCursor(std::span<const std::byte> bytes, std::uint64_t address) : bytes_(bytes), address_(address) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return !ok_ || position_ >= bytes_.size(); }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::uint64_t address() const { return address_ + position_; }

  template <class T> T fixed() {
    T value{};
    if (!ok_ || bytes_.size() - position_ < sizeof(T)) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data() + position_, sizeof value);
    position_ += sizeof(T);
    return value;
  }
  std::uint64_t uleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = fixed<std::uint8_t>();
      value |= std::uint64_t(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t sleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = fixed<std::uint8_t>();
      value |= std::uint64_t(byte & 0x7f) << shift;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift + 7 < 64) value |= ~0ull << (shift + 7);
      return std::int64_t(value);
    }
    ok_ = false;
    return 0;
  }
  // A pointer as DW_EH_PE_* in `encoding` says; only absolute and pc-relative ones are used here.
  std::uint64_t pointer(std::uint8_t encoding) {
    const std::uint64_t here = address();
    const std::uint64_t value = pointer_value(encoding & 0x0f);
    switch (encoding & 0x70) {
    case 0x00: return value;
    case 0x10: return here + value;
    default: ok_ = false; return 0;
    }
  }
  // The next `count` bytes as a cursor of their own.
  ByteCursor take(std::uint64_t count) {
    if (!ok_ || count > bytes_.size() - position_) {
      ok_ = false;
      return {{}, 0};
    }
    ByteCursor part(bytes_.subspan(position_, count), address());
    position_ += count;
    return part;
  }
  void skip(std::uint64_t count) { (void)take(count); }

private:
  std::uint64_t pointer_value(std::uint8_t format) {
    switch (format) {
    case 0x00:
    case 0x04:
    case 0x0c: return fixed<std::uint64_t>();
    case 0x01: return uleb();
    case 0x02: return fixed<std::uint16_t>();
    case 0x03: return fixed<std::uint32_t>();
    case 0x09: return std::uint64_t(sleb());
    case 0x0a: return std::uint64_t(std::int64_t(fixed<std::int16_t>()));
    case 0x0b: return std::uint64_t(std::int64_t(fixed<std::int32_t>()));
    default: ok_ = false; return 0;
    }
  }

  std::span<const std::byte> bytes_;
  std::uint64_t address_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

} // namespace pagoda::tools
