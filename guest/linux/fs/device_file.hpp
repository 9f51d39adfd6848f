// /dev/null, zero, full, random and urandom, answered here.
#pragma once

#include "guest/linux/fs/node_file.hpp"

namespace pagoda::kernel {

class DeviceFile final : public NodeFile {
public:
  DeviceFile(Location at, int flags) : NodeFile(std::move(at), flags) {}
  std::int64_t read(std::span<const iovec> into, std::optional<std::uint64_t> offset) override;
  std::int64_t write(std::span<const iovec> from, std::optional<std::uint64_t> offset) override;
  std::int64_t seek(std::int64_t offset, int whence) override;
  std::shared_ptr<space::FileStore> store() override; // /dev/zero alone
  [[nodiscard]] FileKind kind() const override { return FileKind::Device; }
};

} // namespace pagoda::kernel
