// Address space of a length without memory behind it until it is touched: what a measured allocator
// hands out when nobody looks at the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include <sys/mman.h>

namespace pagoda::measure {

class AddressRoom {
public:
  // Throws std::bad_alloc when the host has no room.
  explicit AddressRoom(std::uint64_t bytes)
      : base_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
        bytes_(bytes) {
    if (base_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~AddressRoom() { ::munmap(base_, bytes_); }
  AddressRoom(const AddressRoom &) = delete;
  AddressRoom &operator=(const AddressRoom &) = delete;

  [[nodiscard]] std::byte *base() const { return static_cast<std::byte *>(base_); }

private:
  void *base_;
  std::uint64_t bytes_;
};

} // namespace pagoda::measure
