// The identity family: its numbers, names and handlers (guest/linux/syscall/identity/).
#include <array>

#include "guest/linux/syscall/identity/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> identity_calls() {
  using namespace identity;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {63, "uname", do_uname, "p"},
      {97, "getrlimit", do_getrlimit, "dp"},
      {102, "getuid", do_getuid, ""},
      {104, "getgid", do_getgid, ""},
      {105, "setuid", do_setuid, "u"},
      {106, "setgid", do_setgid, "u"},
      {107, "geteuid", do_geteuid, ""},
      {108, "getegid", do_getegid, ""},
      {109, "setpgid", do_setpgid, "dd"},
      {111, "getpgrp", do_getpgrp, ""},
      {112, "setsid", do_setsid, ""},
      {113, "setreuid", do_setreuid, "dd"},
      {114, "setregid", do_setregid, "dd"},
      {115, "getgroups", do_getgroups, "dp"},
      {116, "setgroups", do_setgroups, "dp"},
      {117, "setresuid", do_setresuid, "ddd"},
      {118, "getresuid", do_getresuid, "ppp"},
      {119, "setresgid", do_setresgid, "ddd"},
      {120, "getresgid", do_getresgid, "ppp"},
      {121, "getpgid", do_getpgid, "d"},
      {122, "setfsuid", do_setfsuid, "d"},
      {123, "setfsgid", do_setfsgid, "d"},
      {124, "getsid", do_getsid, "d"},
      {125, "capget", do_capget, "pp"},
      {126, "capset", do_capset, "pp"},
      {160, "setrlimit", do_setrlimit, "dp"},
      {170, "sethostname", do_sethostname, "bd"},
      {171, "setdomainname", do_setdomainname, "bd"},
      {302, "prlimit64", do_prlimit64, "ddpp"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
