#include "guest/linux/fs/device_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guest/linux/fs/synthetic_file.hpp"
#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {
namespace {

class ZeroStore final : public space::FileStore {
public:
  explicit ZeroStore(Identity identity) : identity_(std::move(identity)) {}
  Result<std::size_t> read(std::uint64_t, std::span<std::byte> out) override {
    std::ranges::fill(out, std::byte{0});
    return out.size();
  }
  [[nodiscard]] std::uint64_t size() const override { return 1ull << 62; }
  [[nodiscard]] const Identity &identity() const override { return identity_; }

private:
  Identity identity_;
};

} // namespace

std::int64_t DeviceFile::read(std::span<const iovec> into, std::optional<std::uint64_t>) {
  if (!readable()) return -EBADF;
  Device device = at_.node->device;
  if (device == Device::Null) return 0;
  if (device == Device::Random && at_.view.kernel == nullptr) return -EIO;
  for (const iovec &piece : into) {
    if (device == Device::Random) {
      at_.view.kernel->random_bytes({static_cast<std::byte *>(piece.iov_base), piece.iov_len});
    } else {
      std::memset(piece.iov_base, 0, piece.iov_len);
    }
  }
  return std::int64_t(total(into));
}

std::int64_t DeviceFile::write(std::span<const iovec> from, std::optional<std::uint64_t>) {
  if (!writable()) return -EBADF;
  return at_.node->device == Device::Full ? -ENOSPC : std::int64_t(total(from));
}

std::int64_t DeviceFile::seek(std::int64_t, int whence) { return whence >= 0 && whence <= SEEK_END ? 0 : -EINVAL; }

std::shared_ptr<space::FileStore> DeviceFile::store() {
  if (at_.node->device != Device::Zero) return nullptr;
  return std::make_shared<ZeroStore>(space::FileStore::Identity{at_.st.st_dev, at_.st.st_ino, path_});
}

} // namespace pagoda::kernel
