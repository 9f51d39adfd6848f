// Programs that end badly: the exit code of the shell's convention and a report that says why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using testing::HasSubstr;

struct Way {
  const char *name;
  int signal;
  std::vector<const char *> says;
};

class CrashReport : public testing::TestWithParam<Way> {};

TEST_P(CrashReport, HasTheRightSignalAndSaysWhy) {
  const Way &way = GetParam();
  const Finished guest = run_pagoda({"run", guest_program("crash"), way.name});
  EXPECT_EQ(guest.code, 128 + way.signal) << guest.err;
  for (const char *part : way.says) EXPECT_THAT(guest.err, HasSubstr(part));
  for (const char *part : {"registers", "rip", "instruction", "backtrace", "  #0 "})
    EXPECT_THAT(guest.err, HasSubstr(part));
  EXPECT_EQ(run_native({guest_program("crash"), way.name}).code, guest.code);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, CrashReport,
    testing::Values(
        Way{"null",
            SIGSEGV,
            {"SIGSEGV", "SEGV_MAPERR", "address  0x0", "nothing is mapped here", "PML4", "crash_as", "main+"}},
        Way{"hlt", SIGSEGV, {"SIGSEGV", "hlt"}}, Way{"cli", SIGSEGV, {"SIGSEGV", "cli"}},
        Way{"in", SIGSEGV, {"SIGSEGV", "in al, 0x80"}}, Way{"jump0", SIGSEGV, {"the program jumped there", "crash_as"}},
        Way{"ud2", SIGILL, {"SIGILL", "ud2"}}, Way{"div0", SIGFPE, {"SIGFPE", "FPE_INTDIV", "idiv"}},
        Way{"stack", SIGSEGV, {"SIGSEGV", "SEGV_MAPERR", "[stack]"}},
        Way{"write-text", SIGSEGV, {"SEGV_ACCERR", "r-xp", "PML4"}}, Way{"gp", SIGSEGV, {"SIGSEGV"}},
        Way{"abort", SIGABRT, {"SIGABRT", "SI_TKILL"}}),
    [](const auto &way) {
      std::string name = way.param.name;
      std::erase(name, '-');
      return name;
    });

// A crash of a child is reported, and the parent goes on.
TEST(Crash, OfAChildLeavesTheParentAlive) {
  const std::string guests = in_build("guests"); // which a private /tmp would hide
  const Finished guest = run_pagoda(
      {"run", "--bind", guests + ":" + guests, "/bin/sh", "-c", guest_program("crash") + " null; echo still here: $?"});
  EXPECT_EQ(guest.code, 0);
  EXPECT_THAT(guest.out, HasSubstr("still here: 139"));
  EXPECT_THAT(guest.err, HasSubstr("SIGSEGV"));
}

// A handled signal is the program's own business.
TEST(Crash, AHandledFaultIsNotReported) {
  const Finished guest = run_pagoda({"run", guest_program("demo")});
  EXPECT_EQ(guest.code, 0);
  EXPECT_EQ(guest.err, "");
}

} // namespace
} // namespace pagoda::test
