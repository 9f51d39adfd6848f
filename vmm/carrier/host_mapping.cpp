// The two carriers that change the host mapping of the old data page.
// Sources: userfaultfd(2), ioctl_userfaultfd(2) UFFDIO_WRITEPROTECT, mprotect(2).
#include <cerrno>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/carrier/carriers.hpp"

namespace pagoda::vmm {
namespace {

// Newer than Debian 12's header.
constexpr std::uint64_t kFeatureWpUnpopulated = 1u << 13;
constexpr std::uint64_t kFeatureWpAsync = 1u << 15;

Fd open_userfaultfd() {
  // Faults that KVM takes on the guest's behalf are kernel faults, so user mode alone is not enough.
  Fd fd(int(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
  if (fd) return fd;
  Fd device(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
  if (!device) return {};
#ifdef USERFAULTFD_IOC_NEW
  return Fd(::ioctl(device.get(), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK));
#else
  return {};
#endif
}

} // namespace

std::unique_ptr<WriteProtectCarrier> WriteProtectCarrier::create(Vm &vm, const phys::PhysicalMemory &memory) {
  Fd fd = open_userfaultfd();
  if (!fd) return nullptr;
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = kFeatureWpUnpopulated | kFeatureWpAsync;
  if (::ioctl(fd.get(), UFFDIO_API, &api) != 0) return nullptr;
  for (const GpaRange &range : memory.layout().ranges) {
    if (range.empty()) continue;
    uffdio_register registration{};
    registration.range.start = reinterpret_cast<std::uintptr_t>(memory.host(range.begin));
    registration.range.len = range.length();
    registration.mode = UFFDIO_REGISTER_MODE_WP;
    if (::ioctl(fd.get(), UFFDIO_REGISTER, &registration) != 0) return nullptr;
  }
  return std::unique_ptr<WriteProtectCarrier>(new WriteProtectCarrier(std::move(fd), vm, memory));
}

Result<> WriteProtectCarrier::flush(Gfn, std::span<const table::StaleLeaf> stale) {
  for (const GfnRange &range : joined_ranges(stale)) {
    if (!memory_.is_ram(range.begin)) continue; // the vDSO slot: its pages are the host's, and never change
    uffdio_writeprotect request{};
    request.range.start = reinterpret_cast<std::uintptr_t>(memory_.host(range.begin));
    request.range.len = range.length() << kPageShift;
    request.mode = UFFDIO_WRITEPROTECT_MODE_WP;
    int tries = 0;
    while (::ioctl(fd_.get(), UFFDIO_WRITEPROTECT, &request) != 0) {
      // EAGAIN: the mapping changes at this moment (a fork of this process).
      if (errno != EAGAIN || ++tries > 1'000) return unexpected(Error::Unsupported);
    }
  }
  return {};
}

std::unique_ptr<MprotectCarrier> MprotectCarrier::create(Vm &vm, const phys::PhysicalMemory &memory) {
  std::byte *page = memory.host(Gpa{});
  if (::mprotect(page, kPageSize, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return nullptr;
  if (::mprotect(page, kPageSize, PROT_READ | PROT_WRITE) != 0) return nullptr;
  return std::unique_ptr<MprotectCarrier>(new MprotectCarrier(vm, memory));
}

Result<> MprotectCarrier::flush(Gfn, std::span<const table::StaleLeaf> stale) {
  for (const GfnRange &range : joined_ranges(stale)) {
    if (!memory_.is_ram(range.begin)) continue;
    std::byte *host = memory_.host(range.begin);
    const std::uint64_t bytes = range.length() << kPageShift;
    if (::mprotect(host, bytes, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return unexpected(Error::Unsupported);
    if (::mprotect(host, bytes, PROT_READ | PROT_WRITE) != 0) return unexpected(Error::Unsupported);
  }
  return {};
}

} // namespace pagoda::vmm
