#include "guest/linux/fs/synthetic_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pagoda::kernel {

std::size_t scatter(std::string_view from, std::uint64_t position, std::span<const iovec> into) {
  if (position >= from.size()) return 0;
  from.remove_prefix(position);
  std::size_t done = 0;
  for (const iovec &piece : into) {
    std::size_t n = std::min(piece.iov_len, from.size() - done);
    std::memcpy(piece.iov_base, from.data() + done, n);
    done += n;
  }
  return done;
}

std::string gather(std::span<const iovec> from, std::size_t limit) {
  std::string text;
  for (const iovec &piece : from) {
    text.append(static_cast<const char *>(piece.iov_base), std::min(piece.iov_len, limit - text.size()));
  }
  return text;
}

std::size_t total(std::span<const iovec> pieces) {
  std::size_t sum = 0;
  for (const iovec &piece : pieces) sum += piece.iov_len;
  return sum;
}

SyntheticFile::SyntheticFile(Location at, std::string text, int flags)
    : NodeFile(std::move(at), flags), text_(std::move(text)) {}

std::int64_t SyntheticFile::read(std::span<const iovec> into, std::optional<std::uint64_t> offset) {
  if (!readable()) return -EBADF;
  LockGuard lock(mutex_);
  std::size_t n = scatter(text_, offset.value_or(position_), into);
  if (!offset) position_ += n;
  return std::int64_t(n);
}

std::int64_t SyntheticFile::write(std::span<const iovec> from, std::optional<std::uint64_t> offset) {
  if (!writable() || !at_.node->store) return -EBADF;
  std::size_t size = total(from);
  if (size > kLargestStore) return -EINVAL;
  std::string text = gather(from, size);
  if (int error = at_.node->store(at_.view, text); error != 0) return -error;
  LockGuard lock(mutex_);
  if (!offset) position_ += size;
  return std::int64_t(size);
}

std::int64_t SyntheticFile::seek(std::int64_t offset, int whence) {
  LockGuard lock(mutex_);
  std::int64_t base = 0;
  if (whence == SEEK_CUR)
    base = std::int64_t(position_);
  else if (whence == SEEK_END)
    base = std::int64_t(text_.size());
  else if (whence != SEEK_SET)
    return -EINVAL;
  std::int64_t wanted = 0;
  if (__builtin_add_overflow(base, offset, &wanted) || wanted < 0) return -EINVAL;
  // Going back to the start asks for the state as it is now: top and free keep their files open.
  if (wanted == 0 && position_ != 0 && at_.node->generate && readable()) {
    if (Content fresh = at_.node->generate(at_.view)) text_ = std::move(*fresh);
  }
  position_ = std::uint64_t(wanted);
  return wanted;
}

std::int64_t SyntheticFile::truncate(std::uint64_t) { return writable() ? 0 : -EINVAL; }

} // namespace pagoda::kernel
