// /dev/pmem0: DEVICE memory as a disk. read and write go by offset; a shared mapping shows its very frames,
// with no page cache between, as a DAX mapping on Linux does.
#pragma once

#include "guest/linux/fs/node_file.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

struct Platform;

class PmemFile final : public NodeFile {
public:
  PmemFile(Location at, int flags, const Platform &platform);
  std::int64_t read(std::span<const iovec> into, std::optional<std::uint64_t> offset) override;
  std::int64_t write(std::span<const iovec> from, std::optional<std::uint64_t> offset) override; // -ENOSPC at its end
  std::int64_t seek(std::int64_t offset, int whence) override;
  std::shared_ptr<space::FileStore> store() override; // for private mappings
  std::shared_ptr<space::SharedObject> frames() override;
  [[nodiscard]] FileKind kind() const override { return FileKind::Device; }

private:
  [[nodiscard]] std::span<std::byte> bytes() const;

  const Platform &platform_;
  Mutex mutex_;
  std::uint64_t position_ PAGODA_GUARDED_BY(mutex_) = 0;
};

} // namespace pagoda::kernel
