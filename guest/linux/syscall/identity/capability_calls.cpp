// capget(2) and capset(2).
#include <array>
#include <cerrno>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/identity/credential_rules.hpp"
#include "guest/linux/syscall/identity/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::identity {

namespace {

// uapi/linux/capability.h
struct Header {
  std::uint32_t version;
  std::int32_t pid;
};
struct Data {
  std::uint32_t effective, permitted, inheritable;
};
constexpr std::uint32_t kVersion1 = 0x19980330, kVersion2 = 0x20071026, kVersion3 = 0x20080522;

// Words of 32 capabilities a version carries; 0: unknown.
std::size_t words_of(std::uint32_t version) {
  switch (version) {
  case kVersion1: return 1;
  case kVersion2:
  case kVersion3: return 2;
  default: return 0;
  }
}

constexpr std::uint32_t word(std::uint64_t set, std::size_t i) { return std::uint32_t(set >> (32 * i)); }

// Reads the header. An unknown version is answered with the preferred one and EINVAL, except that a
// mere question for it (no data) succeeds.
int read_header(Call &call, Header &header, std::size_t &words) {
  if (!get_user(call, call.arg_gva(0), header)) return EFAULT;
  words = words_of(header.version);
  if (words != 0) return header.pid < 0 ? EINVAL : 0;
  header.version = kVersion3;
  if (!put_user(call, call.arg_gva(0), header)) return EFAULT;
  return EINVAL;
}

} // namespace

SysResult do_capget(Call &call) {
  Header header{};
  std::size_t words = 0;
  if (const int error = read_header(call, header, words); error != 0)
    return words == 0 && error == EINVAL && call.arg(1) == 0 ? SysResult(0) : SysResult::error(error);
  CapabilitySets sets;
  {
    const LockGuard guard(call.kernel.mutex);
    const Process *target = &call.process;
    if (header.pid != 0) {
      const Task *task = call.kernel.find_task(std::uint32_t(header.pid));
      if (task == nullptr) return SysResult::error(ESRCH);
      target = &task->process();
    }
    sets = capabilities(target->credentials);
  }
  if (call.arg(1) == 0) return 0;
  std::array<Data, 2> data{};
  for (std::size_t i = 0; i < words; ++i)
    data[i] = {word(sets.effective, i), word(sets.permitted, i), word(sets.inheritable, i)};
  const auto bytes = std::as_bytes(std::span(data).first(words));
  const bool stored = fault::copy_out(*call.process.space, call.arg_gva(1), bytes) == bytes.size();
  return stored ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult do_capset(Call &call) {
  Header header{};
  std::size_t words = 0;
  if (const int error = read_header(call, header, words); error != 0) return SysResult::error(error);
  if (header.pid != 0 && header.pid != std::int32_t(call.task.tid()) && header.pid != std::int32_t(call.process.pid()))
    return SysResult::error(EPERM);
  std::array<Data, 2> data{};
  const auto bytes = std::as_writable_bytes(std::span(data).first(words));
  if (fault::copy_in(*call.process.space, call.arg_gva(1), bytes) != bytes.size()) return SysResult::error(EFAULT);
  const auto join = [&](auto member) { return data[0].*member | std::uint64_t(data[1].*member) << 32; };
  const CapabilitySets wanted{join(&Data::effective) & kAllCapabilities, join(&Data::permitted) & kAllCapabilities,
                              join(&Data::inheritable) & kAllCapabilities};
  const LockGuard guard(call.kernel.mutex);
  return SysResult::error(set_capabilities(call.process.credentials, wanted));
}

} // namespace pagoda::kernel::identity
