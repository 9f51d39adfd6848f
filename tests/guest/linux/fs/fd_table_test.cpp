#include "guest/linux/fs/fd_table.hpp"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>

#include "guest/linux/fs/lock_table.hpp"

namespace pagoda::kernel {
namespace {

class PlainFile final : public File {
public:
  explicit PlainFile(std::uint64_t inode = 1) : File("/plain", O_RDWR), inode_(inode) {}
  [[nodiscard]] FileKind kind() const override { return FileKind::Regular; }
  int status(struct stat &out) override {
    out = {};
    out.st_ino = inode_;
    return 0;
  }

private:
  std::uint64_t inode_;
};

TEST(FdTable, GivesTheLowestFreeNumber) {
  FdTable table;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(table.install(std::make_shared<PlainFile>(), false), i);
  EXPECT_EQ(table.close(1), 0);
  EXPECT_EQ(table.close(1), -EBADF);
  EXPECT_EQ(table.install(std::make_shared<PlainFile>(), false), 1);
  EXPECT_EQ(table.install(std::make_shared<PlainFile>(), false, 10), 10);
  EXPECT_EQ(table.get(9), nullptr);
  EXPECT_EQ(table.get(-1), nullptr);
  EXPECT_EQ(table.get(1 << 30), nullptr);
}

TEST(FdTable, KeepsToItsLimit) {
  FdTable table;
  table.set_limit(2);
  EXPECT_EQ(table.install(std::make_shared<PlainFile>(), false), 0);
  EXPECT_EQ(table.install(std::make_shared<PlainFile>(), false), 1);
  EXPECT_EQ(table.install(std::make_shared<PlainFile>(), false), -EMFILE);
  EXPECT_EQ(table.install_at(2, std::make_shared<PlainFile>(), false), -EBADF);
  EXPECT_EQ(table.install_at(1, std::make_shared<PlainFile>(), false), 1);
  EXPECT_EQ(table.install_at(-1, std::make_shared<PlainFile>(), false), -EBADF);
}

TEST(FdTable, CloseOnExec) {
  FdTable table;
  table.install(std::make_shared<PlainFile>(), true);
  table.install(std::make_shared<PlainFile>(), false);
  EXPECT_EQ(table.close_on_exec(0), 1);
  auto child = table.copy();
  table.close_for_exec();
  EXPECT_EQ(table.open_descriptors(), std::vector<int>{1});
  EXPECT_EQ(child->open_descriptors(), (std::vector<int>{0, 1}));
  child->close_range(0, ~0U, true);
  EXPECT_EQ(child->close_on_exec(1), 1);
  child->close_range(1, ~0U, false);
  EXPECT_EQ(child->open_descriptors(), std::vector<int>{0});
}

TEST(FdTable, ClosingAnyDescriptorEndsRecordLocks) {
  auto locks = std::make_shared<LockTable>();
  FdTable table;
  table.install(std::make_shared<PlainFile>(7), false);
  table.install(std::make_shared<PlainFile>(7), false);
  table.install(std::make_shared<PlainFile>(8), false);
  const LockTable::Key seven{0, 7, LockTable::World::Record}, eight{0, 8, LockTable::World::Record};
  const LockTable::Lock mine{.owner = &table, .pid = 1, .exclusive = true};
  const LockTable::Lock theirs{.owner = &seven, .pid = 2, .exclusive = true};
  table.note_locks(locks);
  ASSERT_EQ(locks->acquire(seven, mine), 0);
  ASSERT_EQ(locks->acquire(eight, mine), 0);
  EXPECT_EQ(locks->acquire(seven, theirs), EAGAIN);
  table.close(1); // another descriptor of the same inode
  EXPECT_EQ(locks->acquire(seven, theirs), 0);
  EXPECT_EQ(locks->acquire(eight, theirs), EAGAIN);
}

} // namespace
} // namespace pagoda::kernel
