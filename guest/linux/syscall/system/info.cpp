// sysinfo(2), getrusage(2), getcpu(2), personality(2), getrandom(2).
#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/sysinfo.h>

#include "guest/linux/syscall/long_call.hpp"
#include "guest/linux/syscall/system/handlers.hpp"
#include "guest/linux/syscall/system/load_average.hpp"
#include "guest/linux/syscall/system/usage.hpp"
#include "guest/linux/syscall/time/timespec.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::system_info {

SysResult do_sysinfo(Call &call) {
  const MemoryFigures memory = memory_figures(call.kernel);
  struct sysinfo answer{};
  answer.totalram = memory.total;
  answer.freeram = memory.free;
  answer.sharedram = memory.shared;
  answer.totalhigh = memory.high_total;
  answer.freehigh = memory.high_free;
  answer.mem_unit = 1;
  const std::uint64_t second = std::uint64_t(kSecond);
  answer.uptime = long((call.kernel.now_ns() + second - 1) / second);
  {
    const LockGuard guard(call.kernel.mutex);
    const auto loads = LoadAverage::read(call.kernel);
    for (std::size_t i = 0; i < loads.size(); ++i) answer.loads[i] = std::uint64_t(loads[i] * (1 << SI_LOAD_SHIFT));
    answer.procs = std::uint16_t(std::min<std::uint64_t>(count_tasks(call.kernel).total, UINT16_MAX));
  }
  return put_user(call, call.arg_gva(0), answer) ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult do_getrusage(Call &call) {
  rusage usage{};
  {
    const LockGuard guard(call.kernel.mutex);
    switch (call.arg_int(0)) {
    case RUSAGE_SELF: usage = usage_of(call.process); break;
    case RUSAGE_CHILDREN: usage = call.process.children_usage; break;
    case RUSAGE_THREAD: usage = usage_of(call.task); break;
    default: return SysResult::error(EINVAL);
    }
  }
  return put_user(call, call.arg_gva(1), usage) ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult do_getcpu(Call &call) {
  std::uint32_t cpu = 0;
  {
    const LockGuard guard(call.kernel.mutex);
    cpu = std::uint32_t(std::max(call.task.cpu, 0));
  }
  const std::uint32_t node = call.kernel.platform().memory.topology().node_of_cpu(cpu);
  if (call.arg(0) != 0 && !put_user(call, call.arg_gva(0), cpu)) return SysResult::error(EFAULT);
  if (call.arg(1) != 0 && !put_user(call, call.arg_gva(1), node)) return SysResult::error(EFAULT);
  return 0;
}

SysResult do_personality(Call &call) {
  constexpr std::uint32_t kQuery = 0xffffffff;
  // Other execution domains have other system calls; only the one we are may be asked for.
  constexpr std::uint32_t kDomain = 0xff;
  const std::uint32_t wanted = call.arg_uint(0);
  const LockGuard guard(call.kernel.mutex);
  const std::uint32_t before = call.process.personality;
  if (wanted == kQuery) return before;
  if ((wanted & kDomain) != PER_LINUX) return SysResult::error(EINVAL);
  call.process.personality = wanted;
  return before;
}

SysResult do_getrandom(Call &call) {
  constexpr unsigned kInsecure = 4; // GRND_INSECURE
  const unsigned flags = call.arg_uint(2);
  if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | kInsecure)) != 0) return SysResult::error(EINVAL);
  if ((flags & GRND_RANDOM) != 0 && (flags & kInsecure) != 0) return SysResult::error(EINVAL);
  constexpr std::uint64_t kMost = (1ull << 25) - 1; // random(4): one read gives no more
  const std::uint64_t wanted = std::min(call.arg(1), kMost);
  std::array<std::byte, kPageSize> chunk;
  std::uint64_t done = 0;
  while (done < wanted) {
    const std::span<std::byte> part(chunk.data(), std::min<std::uint64_t>(chunk.size(), wanted - done));
    call.kernel.random_bytes(part);
    const std::size_t copied = fault::copy_out(*call.process.space, call.arg_gva(0) + done, part);
    done += copied;
    if (copied != part.size()) return done != 0 ? SysResult(std::int64_t(done)) : SysResult::error(EFAULT);
    if (done % (256 * kPageSize) == 0 && is_dying(call)) break;
  }
  return std::int64_t(done);
}

} // namespace pagoda::kernel::system_info
