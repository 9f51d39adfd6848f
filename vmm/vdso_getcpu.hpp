// getcpu in the vDSO, as a system call.
//
// The vDSO's getcpu asks the processor (RDPID, or the limit of a segment), and a host without VM
// hardware answers for itself: the guest would see a CPU of the host, on a node of the host. There the
// guest gets a copy of the code whose getcpu enters the kernel.
// Source: System V ABI (ELF-64 object files), vdso(7).
#pragma once

#include <cstddef>
#include <span>

namespace pagoda::vmm {

// Overwrites the function in a copy of the vDSO's image. False, and nothing changes, when the image
// has no such function or is not well formed.
[[nodiscard]] bool redirect_getcpu(std::span<std::byte> image);

} // namespace pagoda::vmm
