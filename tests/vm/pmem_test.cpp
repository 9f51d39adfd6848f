// A file as DEVICE memory: what a guest stores there, by mapping or by writing, is in the file afterwards.
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using testing::HasSubstr;

class Pmem : public testing::Test {
protected:
  void SetUp() override { std::ofstream(path_).flush(); }

  [[nodiscard]] Finished python(const std::string &script, const std::string &size = "") const {
    return run_pagoda({"run", "--memory", "64M", "--pmem", path_ + size, "/usr/bin/python3", "-c", script});
  }
  [[nodiscard]] std::string content() const {
    std::ostringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    return text.str();
  }

  Scratch scratch_;
  const std::string path_ = scratch_.file("store");
};

TEST_F(Pmem, KeepsWhatAMappingStored) {
  // Every page gets its own number; a forked child sees and changes the same memory.
  const Finished stored =
      python("import mmap, os, struct\n"
             "f = os.open('/dev/pmem0', os.O_RDWR)\n"
             "size = os.lseek(f, 0, os.SEEK_END)\n"
             "m = mmap.mmap(f, size)\n"
             "for p in range(size // 4096): m[p * 4096:p * 4096 + 8] = struct.pack('<Q', p * 7 + 1)\n"
             "if os.fork() == 0:\n"
             "  m[8:13] = b'child'\n"
             "  os._exit(0)\n"
             "os.wait()\n"
             "print(size, m[8:13])\n",
             ":6M");
  EXPECT_EQ(stored.out, "6291456 b'child'\n") << stored.err;
  const std::string bytes = content();
  ASSERT_EQ(bytes.size(), 6u << 20);
  for (std::uint64_t page = 0; page < bytes.size() / 4096; ++page) {
    std::uint64_t stamp = 0;
    bytes.copy(reinterpret_cast<char *>(&stamp), sizeof(stamp), page * 4096);
    ASSERT_EQ(stamp, page * 7 + 1) << "page " << page;
  }
  EXPECT_EQ(bytes.substr(8, 5), "child");

  const Finished again =
      python("import os, mmap\n"
             "f = os.open('/dev/pmem0', os.O_RDWR)\n"
             "print(os.pread(f, 5, 8), os.pwrite(f, b'written', 4096 + 8))\n"
             "private = mmap.mmap(f, 8192, mmap.MAP_PRIVATE)\n"
             "private[0:1] = b'x'\n"
             "shared = mmap.mmap(f, 8192)\n"
             "print(shared[4104:4111], shared[0:1] != b'x', os.pwrite(f, b'end!', 6 * 2**20 - 2))\n");
  EXPECT_EQ(again.out, "b'child' 7\nb'written' True 2\n") << again.err;
  EXPECT_EQ(content().substr(4096 + 8, 7), "written");
}

TEST_F(Pmem, IsAZoneOfItsOwn) {
  const Finished zones =
      run_pagoda({"run", "--memory", "64M", "--pmem", path_ + ":8M", "/bin/sh", "-c",
                  "grep -A20 'Device$' /proc/zoneinfo | grep -E 'present|managed'; ls -l /dev/pmem0 | cut -c1; "
                  "cat /dev/pmem0 | wc -c; grep MemTotal /proc/meminfo"});
  EXPECT_THAT(zones.out, HasSubstr("present  2048\n")) << zones.err;
  EXPECT_THAT(zones.out, HasSubstr("managed  0\n"));
  EXPECT_THAT(zones.out, HasSubstr("\nb\n8388608\n"));
  EXPECT_THAT(zones.out, HasSubstr(" 65532 kB\n")) << "the file is not memory that can be handed out";
  EXPECT_EQ(run_pagoda({"run", "/bin/ls", "/dev/pmem0"}).code, 2) << "without --pmem there is none";
}

TEST_F(Pmem, EndsAtItsEnd) {
  const Finished beyond = python("import mmap, os\n"
                                 "f = os.open('/dev/pmem0', os.O_RDWR)\n"
                                 "m = mmap.mmap(f, 8192)\n"
                                 "m[5000]",
                                 ":4K");
  EXPECT_EQ(beyond.code, 128 + 7) << "SIGBUS, as behind the end of a file";
}

TEST_F(Pmem, SaysWhatIsWrongWithAFile) {
  const auto refused = [&](const std::string &file) {
    const Finished ended = run_pagoda({"run", "--pmem", file, "/bin/true"});
    EXPECT_EQ(ended.code, 125) << file;
    return ended.err;
  };
  EXPECT_THAT(refused(path_), HasSubstr("empty; give a size, as in FILE:64M"));
  EXPECT_THAT(refused("/nonexistent/file"), HasSubstr("No such file or directory; give a size to make it"));
  EXPECT_THAT(refused("/dev"), HasSubstr("--pmem /dev: "));
  EXPECT_THAT(refused(path_ + ":5000"), HasSubstr("not whole pages"));
  std::ofstream(path_) << "short";
  EXPECT_THAT(refused(path_), HasSubstr("5 bytes are not whole pages of 4096; give a size, as in FILE:4K"));
}

} // namespace
} // namespace pagoda::test
