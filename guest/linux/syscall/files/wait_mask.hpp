// What the waiting calls share: timeouts, and the signal mask that ppoll, pselect6 and epoll_pwait set
// for the time of the wait.
#pragma once

#include <expected>
#include <optional>
#include <time.h>

#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {

struct WaitState : CallState {
  bool begun = false;
  std::optional<Deadline> deadline;
  std::vector<std::shared_ptr<File>> files; // polled, kept alive
};

// No deadline: for ever. EINVAL for a malformed time.
[[nodiscard]] std::expected<std::optional<Deadline>, int> deadline_of(const timespec &timeout);
[[nodiscard]] std::optional<Deadline> deadline_in_ms(int milliseconds); // negative: for ever
// Replaces the mask until the call is over; `size` must be 8. 0 or an errno. A null pointer does nothing.
[[nodiscard]] int set_wait_mask(Call &call, Gva mask, std::uint64_t size);
[[nodiscard]] inline bool expired(const WaitState &state) { return state.deadline && Clock::now() >= *state.deadline; }

} // namespace pagoda::kernel::files
