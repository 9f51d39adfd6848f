#include "guest/linux/syscall/memory/shared_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace pagoda::kernel {

namespace {

using Page = std::array<std::byte, kPageSize>;

std::size_t hash_of(std::span<const std::byte> bytes) {
  return std::hash<std::string_view>{}({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
}

} // namespace

Result<std::size_t> TrackedStore::read(std::uint64_t offset, std::span<std::byte> out) {
  auto got = inner_->read(offset, out);
  if (!got) return got;
  const LockGuard guard(mutex_);
  for (std::size_t at = 0; at + kPageSize <= out.size() && at < *got; at += kPageSize)
    hashes_[offset + at] = hash_of(out.subspan(at, kPageSize));
  return got;
}

void TrackedStore::set_writer(std::shared_ptr<File> writer) {
  const LockGuard guard(mutex_);
  if (!writer_) writer_ = std::move(writer);
}

int TrackedStore::write_page(File &file, phys::PhysicalMemory &memory, std::uint64_t offset, Gfn frame) {
  // A copy first: the guest may store to the page meanwhile, and the hash must be of what is written.
  Page page;
  std::memcpy(page.data(), memory.host(frame), page.size());
  const std::size_t hash = hash_of(page);
  {
    const LockGuard guard(mutex_);
    const auto known = hashes_.find(offset);
    if (known != hashes_.end() && known->second == hash) return 0;
  }
  const std::uint64_t size = inner_->size();
  if (offset >= size) return 0;
  const iovec piece{page.data(), std::size_t(std::min<std::uint64_t>(page.size(), size - offset))};
  const std::int64_t written = file.write({&piece, 1}, offset);
  if (written < 0) return int(-written);
  if (std::size_t(written) != piece.iov_len) return EIO;
  const LockGuard guard(mutex_);
  hashes_[offset] = hash;
  return 0;
}

int TrackedStore::write_back(space::SharedObject &object) {
  std::shared_ptr<File> file;
  {
    const LockGuard guard(mutex_);
    file = writer_;
  }
  if (!file) return 0;
  int first_error = 0;
  auto &memory = object.memory();
  for (const auto &[offset, frame] : object.pin_pages()) {
    const int error = write_page(*file, memory, offset, frame);
    memory.put(frame);
    if (first_error == 0) first_error = error;
  }
  return first_error;
}

} // namespace pagoda::kernel
