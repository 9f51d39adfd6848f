// The 32-bit layout under a program of 64 bits: where it lies, and what the kernel says of its memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using testing::HasSubstr;

const Words kLayout{"run", "--memory", "2G", "--layout", "32"};

Finished in_guest(const Words &command) {
  Words words = kLayout;
  words.insert(words.end(), command.begin(), command.end());
  return run_pagoda(words);
}

// The first number behind `label`; -1 without one.
long long number_after(const std::string &text, const std::string &label) {
  const auto at = text.find(label);
  if (at == std::string::npos) return -1;
  const auto digit = text.find_first_of("0123456789", at + label.size());
  return digit == std::string::npos ? -1 : std::stoll(text.substr(digit));
}

constexpr std::uint64_t kEnd = 0xc0000000;

TEST(Layout32, ProgramsLieBelowThreeGigabytes) {
  const auto guest = in_guest({"/bin/cat", "/proc/self/maps"});
  ASSERT_EQ(guest.code, 0) << guest.err;
  std::istringstream lines(guest.out);
  std::uint64_t highest = 0, lowest = ~0ull;
  for (std::string line; std::getline(lines, line);) {
    highest = std::max<std::uint64_t>(highest, std::stoull(line.substr(line.find('-') + 1), nullptr, 16));
    lowest = std::min<std::uint64_t>(lowest, std::stoull(line, nullptr, 16));
  }
  EXPECT_LE(highest, kEnd) << guest.out;
  EXPECT_GE(highest, kEnd - (8ull << 20)) << "the stack lies at the top";
  EXPECT_EQ(lowest >> 24, 0x56u) << guest.out;
  EXPECT_THAT(guest.out, HasSubstr("[stack]"));
  EXPECT_THAT(guest.out, HasSubstr("[heap]"));
}

TEST(Layout32, MeminfoTellsHighAndLowMemory) {
  const auto guest = in_guest({"/bin/sh", "-c", "cat /proc/meminfo; free -k -l"});
  ASSERT_EQ(guest.code, 0) << guest.err;
  const long long high = number_after(guest.out, "HighTotal:"), low = number_after(guest.out, "LowTotal:");
  EXPECT_EQ(high, (2048 - 896) << 10) << guest.out;
  EXPECT_EQ(high + low, number_after(guest.out, "MemTotal:"));
  EXPECT_LE(number_after(guest.out, "LowFree:"), low);
  EXPECT_LT(number_after(guest.out, "HighFree:"), high) << "programs take their pages there first";
  EXPECT_EQ(number_after(guest.out, "VmallocTotal:"), (0xff7fe000 - 0xf8800000) >> 10);
  EXPECT_EQ(number_after(guest.out.substr(guest.out.find("High: ")), "High:"), high) << "free -l agrees";
  EXPECT_EQ(number_after(run_pagoda({"run", "/bin/cat", "/proc/meminfo"}).out, "HighTotal:"), -1);
}

TEST(Layout32, ZonesAreDmaNormalAndHighMem) {
  const auto guest = in_guest({"/bin/cat", "/proc/zoneinfo", "/proc/buddyinfo"});
  ASSERT_EQ(guest.code, 0) << guest.err;
  for (const char *zone :
       {"Node 0, zone      DMA\n", "Node 0, zone   Normal\n", "Node 0, zone  HighMem\n", "Node 0, zone  HighMem "})
    EXPECT_THAT(guest.out, HasSubstr(zone));
  EXPECT_THAT(guest.out, testing::Not(HasSubstr("DMA32")));
}

TEST(Layout32, MappingBeyondIsRefusedAsLinuxRefusesIt) {
  const std::string script =
      "import ctypes, os\n"
      "libc = ctypes.CDLL(None, use_errno=True)\n"
      "libc.mmap.restype = ctypes.c_void_p\n"
      "libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, "
      "ctypes.c_long]\n"
      "def at(address, flags):\n"
      "  p = libc.mmap(address, 4096, 3, 0x22 | flags, -1, 0)\n"
      "  return os.strerror(ctypes.get_errno()) if p == 2**64 - 1 else 'low' if p < 0xc0000000 else 'high'\n"
      "print(at(0xc0000000, 0x10), at(0x7f0000000000, 0x10), at(0x7f0000000000, 0), at(0xbf000000, 0x100000), sep=', "
      "')\n";
  EXPECT_EQ(in_guest({"/usr/bin/python3", "-c", script}).out,
            "Cannot allocate memory, Cannot allocate memory, low, low\n");
}

} // namespace
} // namespace pagoda::test
