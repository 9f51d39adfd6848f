#include "guest/linux/fs/passed_files.hpp"

#include <gtest/gtest.h>

namespace pagoda::kernel {
namespace {

class PlainFile final : public File {
public:
  PlainFile() : File("/plain", 0) {}
  [[nodiscard]] FileKind kind() const override { return FileKind::Regular; }
};

TEST(PassedFiles, TokensFindTheirFileOnce) {
  PassedFiles passed;
  auto file = std::make_shared<PlainFile>();
  UniqueFd token = passed.send(file);
  ASSERT_TRUE(token.valid());
  EXPECT_EQ(passed.receive(token.get(), true), file); // peeked at
  EXPECT_EQ(passed.receive(token.get(), false), file);
  EXPECT_EQ(passed.receive(token.get(), false), nullptr);
  EXPECT_EQ(passed.receive(0, false), nullptr);
}

TEST(PassedFiles, LostMessagesGiveTheirFilesUp) {
  PassedFiles passed;
  auto file = std::make_shared<PlainFile>();
  UniqueFd token = passed.send(file);
  passed.sweep();
  EXPECT_EQ(file.use_count(), 2);
  token.reset(); // the message was thrown away
  passed.sweep();
  EXPECT_EQ(file.use_count(), 1);
}

} // namespace
} // namespace pagoda::kernel
