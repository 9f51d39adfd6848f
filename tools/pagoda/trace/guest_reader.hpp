// How the tracer looks into a program's memory; tests hand in a fake.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>

#include "mmu/fault/guest_memory.hpp"

namespace pagoda::tools {

class GuestReader {
public:
  virtual ~GuestReader() = default;
  // A NUL-terminated string, at most `limit` bytes with its NUL.
  [[nodiscard]] virtual std::expected<std::string, fault::StringError> text(Gva at, std::size_t limit) = 0;
  // Bytes copied before the first inaccessible page.
  [[nodiscard]] virtual std::size_t bytes(Gva at, std::span<std::byte> out) = 0;
};

class SpaceReader final : public GuestReader {
public:
  explicit SpaceReader(space::Space &space) : space_(space) {}
  std::expected<std::string, fault::StringError> text(Gva at, std::size_t limit) override {
    return fault::copy_string(space_, at, limit);
  }
  std::size_t bytes(Gva at, std::span<std::byte> out) override { return fault::copy_in(space_, at, out); }

private:
  space::Space &space_;
};

} // namespace pagoda::tools
