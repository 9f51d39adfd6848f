// The system family: its numbers, names and handlers (guest/linux/syscall/system/).
#include <array>
#include <vector>

#include "guest/linux/syscall/system/handlers.hpp"
#include "guest/linux/syscall/system/refused.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> system_calls() {
  using namespace system_info;
  static const std::vector<SyscallEntry> kCalls = [] {
    std::vector<SyscallEntry> calls{
        {98, "getrusage", do_getrusage, "dp"},     {99, "sysinfo", do_sysinfo, "p"},
        {135, "personality", do_personality, "x"}, {309, "getcpu", do_getcpu, "ppp"},
        {318, "getrandom", do_getrandom, "pux"},
    };
    const auto refused = refused_calls();
    calls.insert(calls.end(), refused.begin(), refused.end());
    return calls;
  }();
  return kCalls;
}

} // namespace pagoda::kernel
