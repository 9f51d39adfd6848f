// Pagoda's own stdin, stdout and stderr as descriptors 0, 1 and 2 of a guest.
//
// Their open file descriptions are shared with the shell and with whoever else holds them, so
// O_NONBLOCK is never set on them: terminals and pipes are opened anew where the host permits it;
// else readiness is asked first, and sockets are used with MSG_DONTWAIT.
#pragma once

#include <memory>
#include <string>
#include <termios.h>

#include "guest/linux/fs/fd_table.hpp"

namespace pagoda::kernel {

class Kernel;

// Puts the modes of the user's terminal back when the run is over: a guest that was killed in raw
// mode must not leave the shell in it.
class TerminalKeeper {
public:
  TerminalKeeper();
  ~TerminalKeeper();
  TerminalKeeper(const TerminalKeeper &) = delete;
  TerminalKeeper &operator=(const TerminalKeeper &) = delete;

private:
  int fd_ = -1; // the first of 0, 1, 2 that is a terminal
  termios modes_{};
};

// Descriptors that are closed here stay closed there. Also shows the kernel to /proc.
void make_standard_fds(Kernel &kernel, FdTable &table);
// One host descriptor as a guest file; null when it is not open. Exposed for tests.
[[nodiscard]] std::shared_ptr<File> wrap_standard_fd(int fd);

} // namespace pagoda::kernel
