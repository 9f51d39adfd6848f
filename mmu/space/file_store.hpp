// What a file mapping reads from: declared here, supplied by whoever owns files (guest/linux).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "mmu/base/error.hpp"

namespace pagoda::space {

class FileStore {
public:
  virtual ~FileStore() = default;
  // Fills `out` from byte `offset`; bytes past the end of the file are zeroed. Returns how many
  // bytes came from the file (0: the whole range lies past the end). Error::Io on a read error.
  // Called without locks held, from any thread.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0; // bytes, now

  // What /proc/PID/maps shows, and how mappings of one file are recognised.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::string path;
  };
  [[nodiscard]] virtual const Identity &identity() const = 0;
};

} // namespace pagoda::space
