// The host's own [vvar] and [vdso] pages, shown to guests through a read-only slot, so that clock
// calls need no exit. They read the time stamp counter, so the guest's must equal the host's.
// Source: proc_pid_maps(5), vdso(7).
#pragma once

#include <optional>
#include <string_view>

#include "guest/linux/platform.hpp"
#include "mmu/base/address.hpp"
#include "vmm/vm.hpp"

namespace pagoda::vmm {

// Data pages ([vvar], [vvar_vclock]…) directly followed by the code, as the code expects them.
struct HostVdso {
  Hva begin;
  std::uint64_t vvar_pages = 0;
  std::uint64_t vdso_pages = 0;
};

// From the text of /proc/self/maps; nothing when they are absent or do not lie side by side.
[[nodiscard]] std::optional<HostVdso> find_host_vdso(std::string_view maps);

// Pages of our own for the code, where the host's will not do.
class VdsoCopy {
public:
  VdsoCopy() = default;
  VdsoCopy(VdsoCopy &&) = delete;
  ~VdsoCopy();
  // A copy whose getcpu is a system call (vdso_getcpu.hpp). False: out of memory, or no such function.
  [[nodiscard]] bool make(const HostVdso &vdso);
  [[nodiscard]] const void *pages() const { return pages_; } // null: none was made

private:
  void *pages_ = nullptr;
  std::size_t bytes_ = 0;
};

// Maps them at kVdsoGpa; nothing when this host has none or refuses. `copy` outlives the VM; null: the
// host's own code, whose getcpu asks the processor.
[[nodiscard]] std::optional<kernel::VdsoSlot> add_vdso_slot(Vm &vm, VdsoCopy *copy);

} // namespace pagoda::vmm
