// Leaves the terminal and the standard descriptors as they were found: a guest may have switched
// echo off or made a descriptor non-blocking, and the shell behind us shares both.
#pragma once

#include <array>
#include <optional>
#include <termios.h>

namespace pagoda::tools {

class TerminalKeeper {
public:
  TerminalKeeper();
  ~TerminalKeeper() { restore(); }
  TerminalKeeper(const TerminalKeeper &) = delete;
  TerminalKeeper &operator=(const TerminalKeeper &) = delete;
  void restore();

private:
  struct Standard {
    std::optional<termios> settings; // of a terminal
    int flags = -1;                  // of the open file, or -1 when closed
  };
  std::array<Standard, 3> saved_;
};

} // namespace pagoda::tools
