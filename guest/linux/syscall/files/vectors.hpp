// Guest buffers for host I/O: imported, bounded, and pinned a chunk at a time so that the host reads
// and writes the guest's own pages.
//
// Source: Linux's import_iovec: at most 1024 pieces, each at most SSIZE_MAX, all of them cut to
// MAX_RW_COUNT.
#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::files {

inline constexpr std::uint64_t kMostPieces = 1024;
inline constexpr std::uint64_t kMostBytes = 0x7ffff000;

class UserVectors {
public:
  UserVectors() = default;
  // One buffer; EFAULT when the range wraps.
  static std::expected<UserVectors, int> single(Gva base, std::uint64_t length);
  static std::expected<UserVectors, int> import(const Call &call, Gva array, std::uint64_t count);

  [[nodiscard]] std::uint64_t total() const { return total_; }

  struct Piece {
    Gva base;
    std::uint64_t length;
  };
  [[nodiscard]] const std::vector<Piece> &pieces() const { return pieces_; }

private:
  bool add(Gva base, std::uint64_t length);
  std::vector<Piece> pieces_;
  std::uint64_t total_ = 0;
};

// The next stretch of some vectors, pinned.
struct Chunk {
  std::vector<fault::PinnedRange> pins;
  std::vector<iovec> pieces;
  std::size_t bytes = 0;
  bool faulted = false; // ended early, at an inaccessible page
};
[[nodiscard]] Chunk pin_chunk(space::Space &space, const UserVectors &vectors, std::uint64_t from, Access access,
                              std::size_t most = fault::kMaxPin);

} // namespace pagoda::kernel::files
