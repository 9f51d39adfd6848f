#include "tools/pagoda/session/terminal.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>

namespace pagoda::tools {

TerminalKeeper::TerminalKeeper() {
  for (int fd = 0; fd < 3; ++fd) {
    Standard &standard = saved_[std::size_t(fd)];
    standard.flags = ::fcntl(fd, F_GETFL);
    termios settings{};
    if (::tcgetattr(fd, &settings) == 0) standard.settings = settings;
  }
}

void TerminalKeeper::restore() {
  // From the background, changing a terminal would stop us; blocked, it is simply done.
  sigset_t stop, old;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &stop, &old);
  for (int fd = 0; fd < 3; ++fd) {
    const Standard &standard = saved_[std::size_t(fd)];
    if (standard.flags >= 0) {
      const int now = ::fcntl(fd, F_GETFL);
      if (now >= 0 && (now & O_NONBLOCK) != (standard.flags & O_NONBLOCK)) ::fcntl(fd, F_SETFL, standard.flags);
    }
    termios now{};
    if (standard.settings && ::tcgetattr(fd, &now) == 0 && std::memcmp(&now, &*standard.settings, sizeof now) != 0)
      ::tcsetattr(fd, TCSADRAIN, &*standard.settings);
  }
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

} // namespace pagoda::tools
