#include "guest/linux/process.hpp"

#include "guest/linux/syscall/time_state.hpp" // ProcessTimers is complete where a Process ends

namespace pagoda::kernel {

Process::Process(std::uint32_t pid, std::uint32_t parent_pid)
    : parent(parent_pid), group(pid), session(pid), actions(std::make_shared<SignalActions>()), pid_(pid) {}

Process::~Process() = default;

} // namespace pagoda::kernel
