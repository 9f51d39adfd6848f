#include "guest/linux/exec/script.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace pagoda::kernel {
namespace {

auto parse(const std::string &text) { return parse_script(std::as_bytes(std::span(text))); }

TEST(Script, SplitsInterpreterAndOneArgument) {
  const auto line = parse("#! /usr/bin/env  python3 -u \nrest");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->interpreter, "/usr/bin/env");
  EXPECT_EQ(line->argument, "python3 -u");
}

TEST(Script, WithoutArgument) {
  const auto line = parse("#!/bin/sh\n");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->interpreter, "/bin/sh");
  EXPECT_FALSE(line->argument);
}

TEST(Script, WithoutNewlineAtTheEndOfTheFile) { EXPECT_EQ(parse("#!/bin/sh")->interpreter, "/bin/sh"); }

TEST(Script, RefusesAnEmptyLine) {
  EXPECT_EQ(parse("#!\n/bin/sh").error(), ENOEXEC);
  EXPECT_EQ(parse("#!   \t \n").error(), ENOEXEC);
  EXPECT_EQ(parse("#!").error(), ENOEXEC);
}

TEST(Script, RefusesANameThatWasCutOff) {
  EXPECT_EQ(parse("#!" + std::string(400, 'a') + "\n").error(), ENOEXEC);
  // An argument may be cut off: Linux runs such a script as well.
  EXPECT_TRUE(parse("#!/bin/sh " + std::string(400, 'a') + "\n"));
}

} // namespace
} // namespace pagoda::kernel
