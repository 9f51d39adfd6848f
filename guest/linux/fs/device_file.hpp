// /dev/null, zero, full, random and urandom, answered here.
#pragma once

#include "guest/linux/fs/path_walk.hpp"

namespace pagoda::kernel {

class DeviceFile final : public File {
public:
  DeviceFile(Location at, int flags) : File(at.path, flags), at_(std::move(at)) {}
  std::int64_t read(std::span<const iovec> into, std::optional<std::uint64_t> offset) override;
  std::int64_t write(std::span<const iovec> from, std::optional<std::uint64_t> offset) override;
  std::int64_t seek(std::int64_t offset, int whence) override;
  int status(struct stat &out) override;
  int file_system(struct statfs &out) override;
  std::shared_ptr<space::FileStore> store() override; // /dev/zero alone
  [[nodiscard]] FileKind kind() const override { return FileKind::Device; }

private:
  Location at_;
};

} // namespace pagoda::kernel
