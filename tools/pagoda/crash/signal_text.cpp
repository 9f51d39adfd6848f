// sigaction(2), "The siginfo_t argument to a SA_SIGINFO handler".
#include <array>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "tools/pagoda/crash/crash_report.hpp"

namespace pagoda::tools {
namespace {

struct Meaning {
  int signal; // 0: of any signal
  int code;
  const char *text;
};

constexpr std::array kMeanings{
    Meaning{SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR: nothing is mapped there"},
    Meaning{SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR: the mapping forbids this access"},
    Meaning{SIGBUS, BUS_ADRALN, "BUS_ADRALN: misaligned address"},
    Meaning{SIGBUS, BUS_ADRERR, "BUS_ADRERR: beyond the end of the mapped file"},
    Meaning{SIGBUS, BUS_OBJERR, "BUS_OBJERR: the object behind the mapping failed"},
    Meaning{SIGILL, ILL_ILLOPC, "ILL_ILLOPC: illegal opcode"},
    Meaning{SIGILL, ILL_ILLOPN, "ILL_ILLOPN: illegal operand"},
    Meaning{SIGILL, ILL_PRVOPC, "ILL_PRVOPC: privileged opcode"},
    Meaning{SIGFPE, FPE_INTDIV, "FPE_INTDIV: integer division by zero or overflow"},
    Meaning{SIGFPE, FPE_INTOVF, "FPE_INTOVF: integer overflow"},
    Meaning{SIGFPE, FPE_FLTDIV, "FPE_FLTDIV: floating-point division by zero"},
    Meaning{SIGFPE, FPE_FLTINV, "FPE_FLTINV: invalid floating-point operation"},
    Meaning{SIGTRAP, TRAP_BRKPT, "TRAP_BRKPT: breakpoint"},
    Meaning{SIGTRAP, TRAP_TRACE, "TRAP_TRACE: single step"},
    Meaning{0, SI_USER, "SI_USER: sent with kill"},
    Meaning{0, SI_QUEUE, "SI_QUEUE: sent with sigqueue"},
    Meaning{0, SI_TIMER, "SI_TIMER: a timer"},
    Meaning{0, SI_TKILL, "SI_TKILL: sent with tgkill (abort, raise)"},
    Meaning{0, SI_KERNEL, "SI_KERNEL: raised by the kernel"},
};

} // namespace

std::string signal_name(int signal) {
  const char *name = ::sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

std::string signal_code(int signal, int code) {
  for (const Meaning &m : kMeanings)
    if (m.code == code && (m.signal == signal || m.signal == 0)) return m.text;
  return fmt::format("code {}", code);
}

} // namespace pagoda::tools
