// Open files of the synthetic trees: text that was generated at open, and O_PATH handles.
#pragma once

#include "guest/linux/fs/node_file.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class SyntheticFile final : public NodeFile {
public:
  SyntheticFile(Location at, std::string text, int flags);
  std::int64_t read(std::span<const iovec> into, std::optional<std::uint64_t> offset) override;
  std::int64_t write(std::span<const iovec> from, std::optional<std::uint64_t> offset) override;
  std::int64_t seek(std::int64_t offset, int whence) override;
  std::int64_t truncate(std::uint64_t length) override;
  [[nodiscard]] FileKind kind() const override { return FileKind::Synthetic; }

private:
  static constexpr std::size_t kLargestStore = 65536;
  Mutex mutex_;
  std::string text_ PAGODA_GUARDED_BY(mutex_);
  std::uint64_t position_ PAGODA_GUARDED_BY(mutex_) = 0;
};

class SyntheticPlace final : public NodeFile {
public:
  SyntheticPlace(Location at, int flags) : NodeFile(std::move(at), flags) {}
  [[nodiscard]] FileKind kind() const override { return FileKind::Path; }
};

// Bytes from `from`, beginning at `position`, over the pieces; how many.
[[nodiscard]] std::size_t scatter(std::string_view from, std::uint64_t position, std::span<const iovec> into);
[[nodiscard]] std::string gather(std::span<const iovec> from, std::size_t limit);
[[nodiscard]] std::size_t total(std::span<const iovec> pieces);

} // namespace pagoda::kernel
