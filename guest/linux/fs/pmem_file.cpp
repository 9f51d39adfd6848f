#include "guest/linux/fs/pmem_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guest/linux/fs/synthetic_file.hpp"
#include "guest/linux/platform.hpp"
#include "mmu/space/shared_object.hpp"

namespace pagoda::kernel {
namespace {

class PmemStore final : public space::FileStore {
public:
  PmemStore(Identity identity, std::span<const std::byte> bytes) : identity_(std::move(identity)), bytes_(bytes) {}
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
    const auto from = bytes_.subspan(std::min<std::uint64_t>(offset, bytes_.size()));
    const std::size_t had = std::min(from.size(), out.size());
    std::ranges::copy(from.first(had), out.begin());
    std::ranges::fill(out.subspan(had), std::byte{0});
    return had;
  }
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] const Identity &identity() const override { return identity_; }

private:
  Identity identity_;
  std::span<const std::byte> bytes_;
};

} // namespace

PmemFile::PmemFile(Location at, int flags, const Platform &platform)
    : NodeFile(std::move(at), flags), platform_(platform) {}

std::span<std::byte> PmemFile::bytes() const {
  return {platform_.memory.host(platform_.pmem.begin), platform_.pmem.length() << kPageShift};
}

std::int64_t PmemFile::read(std::span<const iovec> into, std::optional<std::uint64_t> offset) {
  if (!readable()) return -EBADF;
  const LockGuard guard(mutex_);
  const std::span<const std::byte> from = bytes();
  const std::size_t done =
      scatter({reinterpret_cast<const char *>(from.data()), from.size()}, offset.value_or(position_), into);
  if (!offset) position_ += done;
  return std::int64_t(done);
}

std::int64_t PmemFile::write(std::span<const iovec> from, std::optional<std::uint64_t> offset) {
  if (!writable()) return -EBADF;
  const LockGuard guard(mutex_);
  const std::uint64_t begin = offset.value_or(position_);
  std::span<std::byte> to = bytes().subspan(std::min<std::uint64_t>(begin, bytes().size()));
  std::size_t done = 0;
  for (const iovec &piece : from) {
    const std::size_t part = std::min(piece.iov_len, to.size());
    std::memcpy(to.data(), piece.iov_base, part);
    to = to.subspan(part);
    done += part;
    if (part < piece.iov_len && done == 0) return -ENOSPC;
  }
  if (!offset) position_ += done;
  return std::int64_t(done);
}

std::int64_t PmemFile::seek(std::int64_t offset, int whence) {
  const LockGuard guard(mutex_);
  const auto size = std::int64_t(bytes().size());
  std::int64_t base = 0;
  if (whence == SEEK_CUR)
    base = std::int64_t(position_);
  else if (whence == SEEK_END)
    base = size;
  else if (whence != SEEK_SET)
    return -EINVAL;
  if (offset < -base || offset > size - base) return -EINVAL; // as a block device
  position_ = std::uint64_t(base + offset);
  return base + offset;
}

std::shared_ptr<space::FileStore> PmemFile::store() {
  return std::make_shared<PmemStore>(space::FileStore::Identity{at_.st.st_dev, at_.st.st_ino, path_}, bytes());
}

std::shared_ptr<space::SharedObject> PmemFile::frames() {
  return space::make_object(platform_.memory, platform_.kernel_memory, platform_.pmem);
}

} // namespace pagoda::kernel
