#include "guest/linux/syscall/table.hpp"

#include <array>

#include "guest/linux/statistics.hpp"

namespace pagoda::kernel {
namespace {

using Rows = std::array<const SyscallEntry *, kSyscallNumbers>;

// One array by number, so that the way from an exit to its handler is one load.
Rows join_families() {
  Rows rows{};
  for (auto family : {file_calls(), path_calls(), directory_calls(), descriptor_calls(), poll_calls(), socket_calls(),
                      memory_calls(), time_calls(), identity_calls(), system_calls(), process_calls(), signal_calls(),
                      futex_calls(), schedule_calls()}) {
    for (const SyscallEntry &entry : family) {
      if (entry.number < rows.size()) rows[entry.number] = &entry;
    }
  }
  return rows;
}

} // namespace

const SyscallEntry *find_syscall(unsigned number) {
  static const Rows rows = join_families();
  return number < rows.size() ? rows[number] : nullptr;
}

} // namespace pagoda::kernel
