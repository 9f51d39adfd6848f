#include "guest/linux/syscall/files/wait_mask.hpp"

namespace pagoda::kernel::files {

std::expected<std::optional<Deadline>, int> deadline_of(const timespec &timeout) {
  if (timeout.tv_sec < 0 || timeout.tv_nsec < 0 || timeout.tv_nsec >= 1000000000) return std::unexpected(EINVAL);
  constexpr std::int64_t kForEver = 100ll * 365 * 24 * 3600; // a century, far from any overflow
  if (timeout.tv_sec >= kForEver) return std::nullopt;
  return Clock::now() + std::chrono::seconds(timeout.tv_sec) + std::chrono::nanoseconds(timeout.tv_nsec);
}

std::optional<Deadline> deadline_in_ms(int milliseconds) {
  if (milliseconds < 0) return std::nullopt;
  return Clock::now() + std::chrono::milliseconds(milliseconds);
}

int set_wait_mask(Call &call, Gva mask, std::uint64_t size) {
  if (mask.value() == 0) return 0;
  if (size != sizeof(SignalSet)) return EINVAL;
  SignalSet wanted = 0;
  if (!get_user(call, mask, wanted)) return EFAULT;
  LockGuard lock(call.kernel.mutex);
  TaskSignals &signals = call.task.signals;
  if (!signals.restore) signals.restore = signals.blocked;
  signals.blocked = wanted & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
  return 0;
}

} // namespace pagoda::kernel::files
