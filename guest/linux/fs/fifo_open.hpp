// The waiting part of opening a FIFO: fifo(7). The host's own open would block, so it is opened
// non-blocking and the other side is looked for from time to time.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "guest/linux/fs/path_walk.hpp"
#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel {

// Grows from 1 to 16 ms, so that a long wait costs little.
class FifoWait {
public:
  Deadline next() {
    pause_ = std::min(pause_ * 2, std::chrono::milliseconds(16));
    return Clock::now() + pause_;
  }

private:
  std::chrono::milliseconds pause_{1};
};

// Whether a FIFO opened for reading has a writer or something to read.
[[nodiscard]] bool fifo_has_peer(const File &file);
[[nodiscard]] bool names_fifo(MountTable &mounts, const View &view, const std::string &path);

} // namespace pagoda::kernel
