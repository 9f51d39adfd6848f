// The end of a process whose own state is wrong: going on could hand a guest memory that is not its
// own. Never reached by anything a guest does; a guest's mistakes are values (error.hpp).
#pragma once

#include <cstdio>
#include <cstdlib>

namespace pagoda {

[[noreturn]] inline void broken(const char *what) {
  std::fprintf(stderr, "pagoda: internal error: %s\n", what);
  std::abort();
}

} // namespace pagoda
