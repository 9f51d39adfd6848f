// What a client may cost.
#pragma once

#include <chrono>
#include <cstddef>

#include "vmm/control/protocol.hpp"

namespace pagoda::vmm::control {

struct Limits {
  std::size_t clients = 16;
  std::size_t line = kLongestLine;
  // Answers that wait for a client to read them; above it no more of its requests are taken up.
  std::size_t unread = 256 << 10;
  // Without a whole line from a client that owes us nothing, and without progress of a write.
  std::chrono::milliseconds idle{60'000}, stalled{5'000};
};

} // namespace pagoda::vmm::control
