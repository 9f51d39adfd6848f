#include "guest/linux/syscall/identity/uts.hpp"

#include <cerrno>
#include <cstring>
#include <sys/utsname.h>

#include "guest/linux/syscall/identity/credential_rules.hpp"
#include "guest/linux/syscall/identity/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel {

namespace {

// The version whose system calls are modelled; programs and libraries choose by it what to try.
constexpr const char *kRelease = "6.1.0-pagoda";
constexpr const char *kVersion = "#1 SMP PREEMPT_DYNAMIC Pagoda 0.1.0";

template <std::size_t N> void copy_name(char (&to)[N], const std::string &from) {
  std::memcpy(to, from.data(), std::min(from.size(), N - 1));
}

} // namespace

UtsNames uts_names(Kernel &kernel) {
  const LockGuard guard(kernel.mutex);
  return {"Linux", kernel.hostname, kRelease, kVersion, "x86_64", kernel.domainname};
}

namespace identity {

SysResult do_uname(Call &call) {
  const UtsNames names = uts_names(call.kernel);
  utsname answer{};
  copy_name(answer.sysname, names.system);
  copy_name(answer.nodename, names.node);
  copy_name(answer.release, names.release);
  copy_name(answer.version, names.version);
  copy_name(answer.machine, names.machine);
  copy_name(answer.domainname, names.domain);
  return put_user(call, call.arg_gva(0), answer) ? SysResult(0) : SysResult::error(EFAULT);
}

namespace {

// Reads the new name; an errno in the failure.
std::expected<std::string, int> read_name(Call &call) {
  {
    const LockGuard guard(call.kernel.mutex);
    if (!capable(call.process.credentials, Capability::SysAdmin)) return unexpected(EPERM);
  }
  const int length = call.arg_int(1);
  if (length < 0 || std::size_t(length) > kMaxName) return unexpected(EINVAL);
  std::string name(std::size_t(length), '\0');
  const auto bytes = std::as_writable_bytes(std::span(name));
  if (fault::copy_in(*call.process.space, call.arg_gva(0), bytes) != bytes.size()) return unexpected(EFAULT);
  return std::string(name.c_str()); // up to the first NUL
}

} // namespace

SysResult do_sethostname(Call &call) {
  auto name = read_name(call);
  if (!name) return SysResult::error(name.error());
  const LockGuard guard(call.kernel.mutex);
  call.kernel.hostname = std::move(*name);
  return 0;
}

SysResult do_setdomainname(Call &call) {
  auto name = read_name(call);
  if (!name) return SysResult::error(name.error());
  const LockGuard guard(call.kernel.mutex);
  call.kernel.domainname = std::move(*name);
  return 0;
}

} // namespace identity
} // namespace pagoda::kernel
