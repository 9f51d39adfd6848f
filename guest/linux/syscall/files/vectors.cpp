#include "guest/linux/syscall/files/vectors.hpp"

#include <algorithm>
#include <cerrno>

#include "mmu/base/checked.hpp"

namespace pagoda::kernel::files {

bool UserVectors::add(Gva base, std::uint64_t length) {
  length = std::min(length, kMostBytes - total_);
  auto end = checked_add(base.value(), length);
  if (length != 0 && (!end || *end > space::kUserEnd.value())) return false;
  if (length != 0) pieces_.push_back({base, length});
  total_ += length;
  return true;
}

std::expected<UserVectors, int> UserVectors::single(Gva base, std::uint64_t length) {
  UserVectors vectors;
  if (std::int64_t(length) < 0) return std::unexpected(EINVAL);
  if (!vectors.add(base, length)) return std::unexpected(EFAULT);
  return vectors;
}

std::expected<UserVectors, int> UserVectors::import(const Call &call, Gva array, std::uint64_t count) {
  if (count > kMostPieces) return std::unexpected(EINVAL);
  std::vector<iovec> raw(count);
  auto bytes = std::as_writable_bytes(std::span(raw));
  if (fault::copy_in(*call.process.space, array, bytes) != bytes.size()) return std::unexpected(EFAULT);
  UserVectors vectors;
  for (const iovec &piece : raw) {
    if (std::int64_t(piece.iov_len) < 0) return std::unexpected(EINVAL);
  }
  for (const iovec &piece : raw) {
    if (!vectors.add(Gva(reinterpret_cast<std::uint64_t>(piece.iov_base)), piece.iov_len))
      return std::unexpected(EFAULT);
  }
  return vectors;
}

Chunk pin_chunk(space::Space &space, const UserVectors &vectors, std::uint64_t from, Access access, std::size_t most) {
  Chunk chunk;
  for (const auto &piece : vectors.pieces()) {
    if (from >= piece.length) {
      from -= piece.length;
      continue;
    }
    std::size_t wanted = std::min<std::size_t>(piece.length - from, most - chunk.bytes);
    fault::PinnedRange pinned = fault::pin(space, piece.base + from, wanted, access);
    from = 0;
    // The host takes IOV_MAX pieces in one call.
    if (chunk.pieces.size() + pinned.pieces().size() > kMostPieces) break;
    chunk.pieces.insert(chunk.pieces.end(), pinned.pieces().begin(), pinned.pieces().end());
    std::size_t got = pinned.bytes();
    chunk.bytes += got;
    chunk.pins.push_back(std::move(pinned));
    if (got < wanted) {
      chunk.faulted = true;
      break;
    }
    if (chunk.bytes == most) break;
  }
  return chunk;
}

} // namespace pagoda::kernel::files
