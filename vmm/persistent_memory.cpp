#include "vmm/persistent_memory.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "mmu/base/address.hpp"

namespace pagoda::vmm {
namespace {

// Its descriptors cost a 64th of it, in host memory, when the guest starts.
constexpr std::uint64_t kMost = 1ull << 40;

std::unexpected<HostError> refused(const std::string &path, std::string_view why) {
  return std::unexpected(HostError{HostError::Problem::Resource, fmt::format("--pmem {}: {}.", path, why)});
}

} // namespace

HostResult<PersistentMemory> PersistentMemory::open(const PersistentMemoryConfig &config) {
  const int create = config.bytes == 0 ? 0 : O_CREAT;
  Fd file(::open(config.path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | create, 0600));
  if (!file) {
    const char *hint = errno == ENOENT ? "; give a size to make it, as in FILE:64M" : "";
    return refused(config.path, fmt::format("{}{}", std::strerror(errno), hint));
  }
  struct stat st{};
  if (::fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) return refused(config.path, "not a regular file");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return refused(config.path, "another guest uses it");

  auto bytes = std::uint64_t(st.st_size);
  if (config.bytes > kMost || bytes > kMost) return refused(config.path, "larger than 1 TiB");
  if (bytes < config.bytes) {
    if (::ftruncate(file.get(), off_t(config.bytes)) != 0) return refused(config.path, std::strerror(errno));
    bytes = config.bytes;
  }
  if (bytes == 0) return refused(config.path, "empty; give a size, as in FILE:64M");
  if (bytes % kPageSize != 0)
    return refused(config.path, fmt::format("{} bytes are not whole pages of 4096; give a size, as in FILE:{}K", bytes,
                                            page_ceil(bytes) >> 10));
  return PersistentMemory(std::move(file), config.path, bytes);
}

HostResult<> PersistentMemory::map(std::byte *at) const {
  void *mapped = ::mmap(at, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file_.get(), 0);
  if (mapped == MAP_FAILED) return refused(path_, std::strerror(errno));
  return {};
}

} // namespace pagoda::vmm
