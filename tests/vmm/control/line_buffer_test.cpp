#include "vmm/control/line_buffer.hpp"

#include <gtest/gtest.h>

namespace pagoda::vmm::control {
namespace {

TEST(LineBuffer, CutsAtNewlinesWhereverThePiecesEnd) {
  const std::string text = "one\ntwo\r\n\nthree\nrest";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    LineBuffer lines(16);
    std::vector<std::string> got;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      lines.append(std::string_view(text).substr(at, piece));
      while (auto line = lines.next()) got.push_back(*line);
    }
    EXPECT_EQ(got, (std::vector<std::string>{"one", "two", "", "three"})) << piece;
    EXPECT_EQ(lines.size(), 4u);
    EXPECT_FALSE(lines.too_long());
  }
}

TEST(LineBuffer, AcceptsTheLongestLineAndNoLonger) {
  LineBuffer lines(8);
  lines.append("12345678\n");
  EXPECT_EQ(lines.next(), "12345678");
  lines.append("123456789\n");
  EXPECT_EQ(lines.next(), std::nullopt);
  EXPECT_TRUE(lines.too_long());
}

TEST(LineBuffer, DoesNotGrowWithALineThatNeverEnds) {
  LineBuffer lines(1000);
  const std::string piece(100, 'x');
  for (int i = 0; i < 100'000; ++i) {
    lines.append(piece);
    EXPECT_EQ(lines.next(), std::nullopt);
    ASSERT_LE(lines.size(), 1100u);
  }
  EXPECT_TRUE(lines.too_long());
}

} // namespace
} // namespace pagoda::vmm::control
