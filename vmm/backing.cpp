#include "vmm/backing.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>
#include <utility>

#include "mmu/base/address.hpp"
#include "mmu/base/checked.hpp"

namespace pagoda::vmm {
namespace {

constexpr std::uint64_t kHugePage = 2ull << 20;

HostError no_memory(std::uint64_t bytes, int error) {
  return {HostError::Problem::Resource,
          fmt::format("the host does not reserve {} MiB for guest memory ({}): ask for less memory, or raise its limit "
                      "of address space (`ulimit -v`, vm.overcommit_memory).",
                      bytes >> 20, std::strerror(error))};
}

} // namespace

BackingMemory::BackingMemory(BackingMemory &&other) noexcept
    : memfd_(std::move(other.memfd_)), mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_(std::exchange(other.mapped_, 0)), base_(std::exchange(other.base_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

BackingMemory::~BackingMemory() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapped_);
}

HostResult<BackingMemory> BackingMemory::reserve(std::uint64_t bytes, Backing kind) {
  BackingMemory memory;
  const auto length = checked_add<std::uint64_t>(bytes, kHugePage);
  if (!length) return std::unexpected(no_memory(bytes, ENOMEM));
  // Reserve with slack, then place the mapping at the aligned address inside.
  void *area = ::mmap(nullptr, *length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) return std::unexpected(no_memory(bytes, errno));
  memory.mapping_ = area;
  memory.mapped_ = *length;
  const auto address = reinterpret_cast<std::uintptr_t>(area);
  auto *aligned = reinterpret_cast<std::byte *>((address + kHugePage - 1) & ~(kHugePage - 1));

  int flags = MAP_FIXED | MAP_NORESERVE;
  int fd = -1;
  if (kind == Backing::Memfd) {
    memory.memfd_ = Fd(::memfd_create("guest memory", MFD_CLOEXEC));
    if (!memory.memfd_ || ::ftruncate(memory.memfd_.get(), off_t(bytes)) != 0)
      return std::unexpected(no_memory(bytes, errno));
    fd = memory.memfd_.get();
    flags |= MAP_SHARED;
  } else {
    flags |= MAP_PRIVATE | MAP_ANONYMOUS;
  }
  if (::mmap(aligned, bytes, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED)
    return std::unexpected(no_memory(bytes, errno));
  // Advice only: a host without transparent huge pages serves small ones.
  (void)::madvise(aligned, bytes, MADV_HUGEPAGE);
  memory.base_ = aligned;
  memory.size_ = bytes;
  return memory;
}

} // namespace pagoda::vmm
