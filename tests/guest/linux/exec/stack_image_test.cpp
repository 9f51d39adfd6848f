#include "guest/linux/exec/stack_image.hpp"

#include <cerrno>
#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>

namespace pagoda::kernel {
namespace {

constexpr Gva kTop{0x7ffff0000000};

StackRequest request(std::vector<std::string> arguments, std::vector<std::string> environment) {
  return {.top = kTop,
          .file_name = "/bin/prog",
          .arguments = std::move(arguments),
          .environment = std::move(environment),
          .random = {},
          .auxv = {{AT_PAGESZ, 4096}},
          .limit = 1 << 20};
}

// Reads the image back as a program's start code would.
struct View {
  const StackImage &image;
  [[nodiscard]] std::uint64_t word(std::size_t index) const {
    std::uint64_t value = 0;
    std::memcpy(&value, image.bytes.data() + index * 8, 8);
    return value;
  }
  [[nodiscard]] std::string text(std::uint64_t address) const {
    return reinterpret_cast<const char *>(image.bytes.data()) + (address - image.pointer.value());
  }
};

TEST(StackImage, LooksAsTheAbiWants) {
  const auto image = build_stack(request({"prog", "a b", ""}, {"HOME=/", "X=1"}));
  ASSERT_TRUE(image);
  EXPECT_EQ(image->pointer.value() % 16, 0u);
  EXPECT_EQ(image->pointer.value() + image->bytes.size(), kTop.value());
  const View view{*image};
  EXPECT_EQ(view.word(0), 3u);
  EXPECT_EQ(view.text(view.word(1)), "prog");
  EXPECT_EQ(view.text(view.word(2)), "a b");
  EXPECT_EQ(view.text(view.word(3)), "");
  EXPECT_EQ(view.word(4), 0u);
  EXPECT_EQ(view.text(view.word(5)), "HOME=/");
  EXPECT_EQ(view.text(view.word(6)), "X=1");
  EXPECT_EQ(view.word(7), 0u);
  EXPECT_EQ(view.word(8), std::uint64_t(AT_PAGESZ));
  EXPECT_EQ(view.word(9), 4096u);
}

TEST(StackImage, AlignmentHoldsForEveryNumberOfArguments) {
  for (std::size_t count = 0; count < 8; ++count) {
    const auto image = build_stack(request(std::vector<std::string>(count, "x"), {}));
    ASSERT_TRUE(image);
    EXPECT_EQ(image->pointer.value() % 16, 0u) << count;
  }
}

TEST(StackImage, StringBlocksAscendForProcCmdline) {
  const auto image = build_stack(request({"one", "two"}, {"A=1"}));
  ASSERT_TRUE(image);
  const auto offset = image->arguments.begin - image->pointer;
  EXPECT_EQ(image->arguments.length(), 8u);
  EXPECT_EQ(std::memcmp(image->bytes.data() + offset, "one\0two\0A=1", 12), 0);
  EXPECT_EQ(image->arguments.end, image->environment.begin);
}

TEST(StackImage, RefusesTooMuch) {
  EXPECT_EQ(build_stack(request({std::string(kMaxArgument, 'x')}, {})).error(), E2BIG);
  EXPECT_EQ(build_stack(request(std::vector<std::string>(2000, std::string(1000, 'x')), {})).error(), E2BIG);
}

} // namespace
} // namespace pagoda::kernel
