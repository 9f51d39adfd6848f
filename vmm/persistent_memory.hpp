// A file of the host as DEVICE memory of a guest: mapped where its frames lie, so that what the guest
// writes is in the file, during the run and after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "vmm/fd.hpp"
#include "vmm/host_error.hpp"

namespace pagoda::vmm {

struct PersistentMemoryConfig {
  std::string path;
  std::uint64_t bytes = 0; // the file is made, or grows, to this size; 0: as long as it is
};

class PersistentMemory {
public:
  // Opens the file and keeps it locked (flock) against other guests. Its length is a multiple of 4096 bytes.
  static HostResult<PersistentMemory> open(const PersistentMemoryConfig &config);

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // Replaces what is mapped at `at`, page-aligned, for bytes().
  [[nodiscard]] HostResult<> map(std::byte *at) const;

private:
  PersistentMemory(Fd file, std::string path, std::uint64_t bytes)
      : file_(std::move(file)), path_(std::move(path)), bytes_(bytes) {}
  Fd file_;
  std::string path_;
  std::uint64_t bytes_;
};

} // namespace pagoda::vmm
