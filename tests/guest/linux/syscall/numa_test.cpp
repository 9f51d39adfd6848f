// The NUMA calls on a machine of two nodes: answers and errnos of set_mempolicy(2) and its neighbours.
#include <sys/mman.h>

#include "tests/guest/linux/syscall/call_world.hpp"
#include "tests/mmu/space/nodes.hpp"

namespace pagoda::kernel {
namespace {

enum : unsigned {
  kMmap = 9,
  kMunmap = 11,
  kMbind = 237,
  kSetMempolicy = 238,
  kGetMempolicy = 239,
  kMigratePages = 256,
  kMovePages = 279,
  kGetcpu = 309,
  kSetHomeNode = 450,
};
enum : int { kDefault = 0, kPreferred = 1, kBind = 2, kInterleave = 3, kLocal = 4, kPreferredMany = 5 };
constexpr int kStatic = 1 << 15, kRelative = 1 << 14;
constexpr int kNode = 1, kAddress = 2, kAllowed = 4; // MPOL_F_*
constexpr int kStrict = 1, kMove = 2, kMoveAll = 4;  // MPOL_MF_*
constexpr std::uint64_t kMaskBits = 65;              // 64, and the one that does not count

class NumaCalls : public test::CallWorld {
protected:
  NumaCalls() : test::CallWorld(test::nodes_of(2, 32ull << 20)) {}

  Gva map(std::uint64_t pages, int flags = MAP_PRIVATE | MAP_ANONYMOUS) {
    const std::int64_t at = call(kMmap, 0, pages * kPageSize, PROT_READ | PROT_WRITE, flags, -1, 0);
    EXPECT_GT(at, 0);
    return Gva(std::uint64_t(at));
  }
  Gva mask(std::uint64_t nodes) { return put(nodes, 256); }
  void touch(Gva at, std::uint64_t pages) {
    for (std::uint64_t i = 0; i < pages; ++i) ASSERT_TRUE(fault::write_value(*space, at + i * kPageSize, i));
  }
  std::int64_t get(int flags, Gva address) {
    return call(kGetMempolicy, kScratch, kScratch + 8, kMaskBits, address, flags);
  }
  int mode() { return read<int>(kScratch); }
  std::uint64_t nodes() { return read<std::uint64_t>(kScratch + 8); }
  int node_of(Gva page) {
    EXPECT_EQ(get(kNode | kAddress, page), 0);
    return mode();
  }
};

TEST_F(NumaCalls, ThePolicyOfATaskIsToldAsItWasSet) {
  EXPECT_EQ(get(0, Gva(0)), 0);
  EXPECT_EQ(mode(), kDefault);
  EXPECT_EQ(nodes(), 0u);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(0b111), kMaskBits), 0);
  EXPECT_EQ(get(0, Gva(0)), 0);
  EXPECT_EQ(mode(), kBind);
  EXPECT_EQ(nodes(), 0b11u);
  EXPECT_EQ(call(kSetMempolicy, kInterleave | kStatic, mask(0b111), kMaskBits), 0);
  EXPECT_EQ(get(0, Gva(0)), 0);
  EXPECT_EQ(mode(), kInterleave | kStatic);
  EXPECT_EQ(nodes(), 0b111u);
  EXPECT_EQ(get(kNode, Gva(0)), 0);
  EXPECT_EQ(mode(), 0) << "the node that comes next";
  EXPECT_EQ(call(kSetMempolicy, kPreferred, 0, 0), 0);
  EXPECT_EQ(get(0, Gva(0)), 0);
  EXPECT_EQ(mode(), kLocal);
  EXPECT_EQ(get(kAllowed, Gva(0)), 0);
  EXPECT_EQ(nodes(), 0b11u);
  EXPECT_EQ(call(kSetMempolicy, kDefault, 0, 0), 0);
}

TEST_F(NumaCalls, SetMempolicyRefusesWhatLinuxRefuses) {
  EXPECT_EQ(call(kSetMempolicy, 6, mask(1), kMaskBits), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kBind | kStatic | kRelative, mask(1), kMaskBits), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(0), kMaskBits), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(0b100), kMaskBits), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kDefault, mask(1), kMaskBits), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kLocal, mask(1), kMaskBits), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kBind, 8, kMaskBits), -EFAULT);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(1), 0), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(1), kPageSize * 8 + 2), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(1), ~0ull), -EINVAL);
  // Long masks are fine as long as their far end is empty; the last bit of a mask does not count.
  put(std::uint64_t(0), 264);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(1), 129), 0);
  put(std::uint64_t(2), 264);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(1), 129), -EINVAL);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(1), 66), 0);
  EXPECT_EQ(call(kSetMempolicy, kBind, mask(0b11), 2), 0);
  EXPECT_EQ(get(0, Gva(0)), 0);
  EXPECT_EQ(nodes(), 1u);
}

TEST_F(NumaCalls, GetMempolicyRefusesWhatLinuxRefuses) {
  const Gva at = map(1);
  EXPECT_EQ(get(8, Gva(0)), -EINVAL);
  EXPECT_EQ(get(kAllowed | kNode, Gva(0)), -EINVAL);
  EXPECT_EQ(get(0, at), -EINVAL);
  EXPECT_EQ(get(kNode, Gva(0)), -EINVAL) << "only interleaving has a next node";
  EXPECT_EQ(get(kAddress, at + kPageSize), -EFAULT);
  EXPECT_EQ(get(kAddress, Gva(~0ull)), -EFAULT);
  EXPECT_EQ(call(kGetMempolicy, 0, kScratch, 1, 0, 0), -EINVAL) << "two nodes need two bits";
  EXPECT_EQ(call(kGetMempolicy, 8, 0, 0, 0, 0), -EFAULT);
  EXPECT_EQ(call(kGetMempolicy, 0, 8, kMaskBits, 0, 0), -EFAULT);
  EXPECT_EQ(call(kGetMempolicy, 0, 0, 0, 0, 0), 0);
  EXPECT_EQ(call(kGetMempolicy, 0, kScratch, ~0ull, 0, 0), -EINVAL);
}

TEST_F(NumaCalls, PagesGoWhereThePolicySays) {
  const Gva at = map(64);
  ASSERT_EQ(call(kSetMempolicy, kPreferred, mask(0b10), kMaskBits), 0);
  ASSERT_EQ(call(kMbind, at + 32 * kPageSize, 16 * kPageSize, kBind, mask(0b01), kMaskBits, 0), 0);
  ASSERT_EQ(call(kMbind, at + 48 * kPageSize, 16 * kPageSize, kInterleave, mask(0b11), kMaskBits, 0), 0);
  touch(at, 64);
  EXPECT_EQ(node_of(at), 1);
  EXPECT_EQ(node_of(at + 40 * kPageSize), 0);
  EXPECT_NE(node_of(at + 50 * kPageSize), node_of(at + 51 * kPageSize));
  EXPECT_EQ(get(kAddress, at + 32 * kPageSize), 0);
  EXPECT_EQ(mode(), kBind);
  EXPECT_EQ(get(kAddress, at), 0);
  EXPECT_EQ(mode(), kDefault) << "what the task has is not the area's";
}

TEST_F(NumaCalls, MbindMovesOrRefusesPagesThatAreElsewhere) {
  const Gva at = map(8);
  touch(at, 8);
  EXPECT_EQ(call(kMbind, at, 8 * kPageSize, kBind, mask(0b10), kMaskBits, kStrict), -EIO);
  EXPECT_EQ(get(kAddress, at), 0);
  EXPECT_EQ(mode(), kDefault) << "refused, so nothing was set";
  EXPECT_EQ(call(kMbind, at, 8 * kPageSize, kBind, mask(0b10), kMaskBits, 0), 0);
  EXPECT_EQ(node_of(at), 0) << "what is there stays";
  EXPECT_EQ(call(kMbind, at, 8 * kPageSize, kBind, mask(0b10), kMaskBits, kMove | kStrict), 0);
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(node_of(at + i * kPageSize), 1);
    EXPECT_EQ(read<std::uint64_t>(at + i * kPageSize), i);
  }
  auto pinned = fault::pin(*space, at, kPageSize, Access::Write);
  EXPECT_EQ(call(kMbind, at, 8 * kPageSize, kBind, mask(0b01), kMaskBits, kMove | kStrict), -EIO);
  EXPECT_EQ(node_of(at), 1);
  EXPECT_EQ(node_of(at + kPageSize), 0);
}

TEST_F(NumaCalls, MbindRefusesWhatLinuxRefuses) {
  const Gva at = map(3);
  EXPECT_EQ(call(kMbind, at + 1, kPageSize, kBind, mask(1), kMaskBits, 0), -EINVAL);
  EXPECT_EQ(call(kMbind, at, kPageSize, kBind, mask(1), kMaskBits, 8), -EINVAL);
  EXPECT_EQ(call(kMbind, at, 0, kBind, mask(1), kMaskBits, 0), 0);
  EXPECT_EQ(call(kMbind, at, ~0ull, kBind, mask(1), kMaskBits, 0), -EINVAL);
  EXPECT_EQ(call(kMbind, space::kUserEnd, kPageSize, kBind, mask(1), kMaskBits, 0), -EFAULT);
  EXPECT_EQ(call(kMunmap, at + kPageSize, kPageSize), 0);
  EXPECT_EQ(call(kMbind, at, 3 * kPageSize, kBind, mask(1), kMaskBits, 0), -EFAULT);
  EXPECT_EQ(call(kMbind, at, 3 * kPageSize, kDefault, 0, 0, 0), 0) << "the default forgives holes";
  process->credentials.euid = 1000;
  EXPECT_EQ(call(kMbind, at, kPageSize, kBind, mask(1), kMaskBits, kMoveAll), -EPERM);
}

TEST_F(NumaCalls, HomesAreForBindAndPreferredMany) {
  const Gva at = map(2);
  EXPECT_EQ(call(kSetHomeNode, at, kPageSize, 1, 0), -ENOENT);
  EXPECT_EQ(call(kMbind, at, kPageSize, kPreferredMany, mask(0b11), kMaskBits, 0), 0);
  EXPECT_EQ(call(kMbind, at + kPageSize, kPageSize, kInterleave, mask(0b11), kMaskBits, 0), 0);
  EXPECT_EQ(call(kSetHomeNode, at, kPageSize, 1, 0), 0);
  EXPECT_EQ(call(kSetHomeNode, at, 2 * kPageSize, 1, 0), -EOPNOTSUPP);
  EXPECT_EQ(call(kSetHomeNode, at, kPageSize, 2, 0), -EINVAL);
  EXPECT_EQ(call(kSetHomeNode, at, kPageSize, 1, 1), -EINVAL);
  EXPECT_EQ(call(kSetHomeNode, at + 1, kPageSize, 1, 0), -EINVAL);
  EXPECT_EQ(call(kSetHomeNode, at, 0, 1, 0), 0);
  touch(at, 1);
  EXPECT_EQ(node_of(at), 1) << "its neighbours come first";
}

TEST_F(NumaCalls, MovePagesTellsAndMovesPageByPage) {
  const Gva at = map(2);
  touch(at, 2);
  const std::uint64_t untouched = 0x50000000;
  ASSERT_EQ(call(kMmap, untouched, kPageSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), untouched);
  put(std::array<std::uint64_t, 4>{at.value(), (at + kPageSize).value(), untouched, 0x1000}, 512); // the last: no area
  const Gva pages = kScratch + 512, wanted = kScratch + 600, status = kScratch + 700;
  EXPECT_EQ(call(kMovePages, 0, 4, pages, 0, status, 0), 0);
  EXPECT_EQ(read<std::int32_t>(status), 0);
  EXPECT_EQ(read<std::int32_t>(status + 8), -ENOENT);
  EXPECT_EQ(read<std::int32_t>(status + 12), -EFAULT);
  put(std::array<std::int32_t, 4>{1, 0, 1, 1}, 600);
  EXPECT_EQ(call(kMovePages, 1, 2, pages, wanted, status, kMove), 0);
  EXPECT_EQ(read<std::int32_t>(status), 1);
  EXPECT_EQ(read<std::int32_t>(status + 4), 0);
  EXPECT_EQ(node_of(at), 1);
  EXPECT_EQ(call(kMovePages, 0, 3, pages, wanted, status, kMove), 1) << "one page is not there";
  put(std::array<std::int32_t, 1>{2}, 600);
  EXPECT_EQ(call(kMovePages, 0, 1, pages, wanted, status, kMove), -ENODEV);
  put(std::array<std::int32_t, 1>{-1}, 600);
  EXPECT_EQ(call(kMovePages, 0, 1, pages, wanted, status, kMove), -ENODEV);
  EXPECT_EQ(call(kMovePages, 0, 1, pages, 0, status, 1), -EINVAL);
  EXPECT_EQ(call(kMovePages, 9, 1, pages, 0, status, 0), -ESRCH);
  EXPECT_EQ(call(kMovePages, 0, 1, 8, 0, status, 0), -EFAULT);
  process->credentials.uid = process->credentials.euid = 1000;
  add_process(2, 1);
  EXPECT_EQ(call(kMovePages, 2, 1, pages, 0, status, 0), -EPERM);
  EXPECT_EQ(call(kMovePages, 0, 1, pages, 0, status, kMoveAll), -EPERM);
}

TEST_F(NumaCalls, MigratePagesMovesAWholeProcess) {
  Process &other = *add_process(2, 1);
  const std::int64_t at =
      call_as(other, kMmap, 0, 10 * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const GvaRange range{Gva(std::uint64_t(at)), Gva(std::uint64_t(at)) + 10 * kPageSize};
  for (Gva page = range.begin; page < range.end; page = page + kPageSize)
    ASSERT_TRUE(fault::write_value(*other.space, page, 5));
  put(std::uint64_t(1), 300);
  EXPECT_EQ(call(kMigratePages, 2, kMaskBits, kScratch + 300, mask(0b10)), 0);
  EXPECT_EQ(other.space->numa_figures(range).by_node[1], 10u);
  EXPECT_EQ(call(kMigratePages, 2, kMaskBits, kScratch + 300, mask(0b100)), -EINVAL);
  EXPECT_EQ(call(kMigratePages, 3, kMaskBits, kScratch + 300, mask(0b10)), -ESRCH);
  EXPECT_EQ(call(kMigratePages, 2, kMaskBits, 8, mask(0b10)), -EFAULT);
  process->credentials.euid = 1000;
  EXPECT_EQ(call(kMigratePages, 1, kMaskBits, kScratch + 300, mask(0b101)), -EPERM);
}

TEST_F(NumaCalls, GetcpuTellsTheNodeOfTheCpu) {
  {
    const LockGuard guard(kernel->mutex);
    task->cpu = 1;
  }
  EXPECT_EQ(call(kGetcpu, kScratch, kScratch + 4, 0), 0);
  EXPECT_EQ(read<std::uint32_t>(kScratch), 1u);
  EXPECT_EQ(read<std::uint32_t>(kScratch + 4), 1u);
}

} // namespace
} // namespace pagoda::kernel
