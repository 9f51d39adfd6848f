// A file whose every 8-byte word says where it lies, and which can shrink and fail.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>

#include "mmu/space/file_store.hpp"

namespace pagoda::test {

class FakeFile : public space::FileStore {
public:
  explicit FakeFile(std::uint64_t bytes, std::uint64_t seed = 0) : size_(bytes), seed_(seed) {}

  // What the word at byte `offset` (a multiple of 8) holds.
  [[nodiscard]] std::uint64_t word(std::uint64_t offset) const { return (seed_ << 40) + offset + 1; }

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
    ++reads;
    if (during_read) during_read();
    if (fails) return unexpected(Error::Io);
    const std::uint64_t end = size_;
    const std::size_t inside = offset < end ? std::min<std::uint64_t>(out.size(), end - offset) : 0;
    std::memset(out.data(), 0, out.size());
    for (std::size_t at = 0; at < inside; at += 8) {
      const std::uint64_t value = word(offset + at);
      std::memcpy(out.data() + at, &value, std::min<std::size_t>(8, inside - at));
    }
    return inside;
  }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] const Identity &identity() const override { return identity_; }
  void resize(std::uint64_t bytes) { size_ = bytes; }

  std::atomic<unsigned> reads{0};
  std::function<void()> during_read;
  bool fails = false;

private:
  std::atomic<std::uint64_t> size_;
  std::uint64_t seed_;
  Identity identity_{1, 2, "/fake"};
};

} // namespace pagoda::test
