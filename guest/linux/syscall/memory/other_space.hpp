// The memory of another process, for the calls that reach into it (process_vm_readv, move_pages…).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>

#include "guest/linux/syscall/call.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::kernel::memory {

// That of the process with a thread `tid`; ESRCH when there is none, EPERM without the right to trace
// it (the same ids, or root). Takes Kernel::mutex.
[[nodiscard]] std::expected<std::shared_ptr<space::Space>, int> space_of(Call &call, std::uint32_t tid);

} // namespace pagoda::kernel::memory
