// process_vm_readv(2) and process_vm_writev(2): copying between two address spaces.
#include <algorithm>
#include <array>
#include <cerrno>
#include <expected>
#include <vector>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/long_call.hpp"
#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/other_space.hpp"
#include "guest/linux/user_memory.hpp"
#include "mmu/base/checked.hpp"

namespace pagoda::kernel::memory {

namespace {

struct Piece {
  std::uint64_t base;
  std::uint64_t length;
};
static_assert(sizeof(Piece) == sizeof(iovec));

constexpr std::uint64_t kMaxPieces = 1024;         // UIO_MAXIOV
constexpr std::uint64_t kMaxTransfer = 0x7ffff000; // MAX_RW_COUNT

std::expected<std::vector<Piece>, int> read_pieces(Call &call, Gva from, std::uint64_t count) {
  if (count > kMaxPieces) return unexpected(EINVAL);
  std::vector<Piece> pieces(count);
  const auto bytes = std::as_writable_bytes(std::span(pieces));
  if (fault::copy_in(*call.process.space, from, bytes) != bytes.size()) return unexpected(EFAULT);
  std::uint64_t total = 0;
  for (const Piece &piece : pieces) {
    const auto sum = checked_add(total, piece.length);
    if (!sum || *sum > std::uint64_t(INT64_MAX)) return unexpected(EINVAL);
    total = *sum;
  }
  return pieces;
}

// Walks two lists of pieces side by side.
class Cursor {
public:
  explicit Cursor(std::vector<Piece> pieces) : pieces_(std::move(pieces)) { skip_empty(); }
  [[nodiscard]] bool done() const { return index_ == pieces_.size(); }
  [[nodiscard]] std::uint64_t left() const { return pieces_[index_].length - offset_; }
  [[nodiscard]] Gva at() const { return Gva(pieces_[index_].base + offset_); }
  void advance(std::uint64_t bytes) {
    offset_ += bytes;
    skip_empty();
  }

private:
  void skip_empty() {
    while (index_ < pieces_.size() && pieces_[index_].length == offset_) {
      ++index_;
      offset_ = 0;
    }
  }
  std::vector<Piece> pieces_;
  std::size_t index_ = 0;
  std::uint64_t offset_ = 0;
};

std::uint64_t transfer(const Call &call, space::Space &from_space, Cursor &from, space::Space &to_space, Cursor &to) {
  std::array<std::byte, 16 * kPageSize> bounce;
  std::uint64_t total = 0;
  while (!from.done() && !to.done() && total < kMaxTransfer) {
    const std::uint64_t want = std::min({from.left(), to.left(), std::uint64_t(bounce.size()), kMaxTransfer - total});
    const std::size_t got = fault::copy_in(from_space, from.at(), std::span(bounce.data(), want));
    const std::size_t put = fault::copy_out(to_space, to.at(), std::span(bounce.data(), got));
    total += put;
    if (put != want) break;
    if (is_dying(call)) break;
    from.advance(put);
    to.advance(put);
  }
  return total;
}

enum class Direction : bool { Read, Write };

SysResult copy(Call &call, Direction direction) {
  if (call.arg(5) != 0) return SysResult::error(EINVAL);
  auto local = read_pieces(call, call.arg_gva(1), call.arg(2));
  if (!local) return SysResult::error(local.error());
  auto remote = read_pieces(call, call.arg_gva(3), call.arg(4));
  if (!remote) return SysResult::error(remote.error());
  const auto other = space_of(call, call.arg_uint(0));
  if (!other) return SysResult::error(other.error());

  Cursor here(std::move(*local));
  Cursor there(std::move(*remote));
  if (here.done() || there.done()) return 0;
  const std::shared_ptr<space::Space> own = call.process.space;
  const std::uint64_t bytes = direction == Direction::Read ? transfer(call, **other, there, *own, here)
                                                           : transfer(call, *own, here, **other, there);
  return bytes != 0 ? SysResult(std::int64_t(bytes)) : SysResult::error(EFAULT);
}

} // namespace

SysResult do_process_vm_readv(Call &call) { return copy(call, Direction::Read); }
SysResult do_process_vm_writev(Call &call) { return copy(call, Direction::Write); }

} // namespace pagoda::kernel::memory
