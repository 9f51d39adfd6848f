#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "guest/linux/syscall/memory/shared_memory.hpp"
#include "tests/guest/linux/syscall/call_world.hpp"

namespace pagoda::kernel {
namespace {

enum : unsigned {
  kMmap = 9,
  kMprotect = 10,
  kMunmap = 11,
  kMremap = 25,
  kMsync = 26,
  kMincore = 27,
  kMadvise = 28,
  kShmget = 29,
  kShmat = 30,
  kShmctl = 31,
  kShmdt = 67,
  kMlock = 149,
  kMlockall = 151,
  kMbind = 237,
  kGetMempolicy = 239,
  kReadv = 310,
  kWritev = 311,
  kPkeyMprotect = 329,
  kPkeyAlloc = 330,
};
constexpr int kReadWrite = PROT_READ | PROT_WRITE;
constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;

// A file whose bytes are in memory here, readable and writable.
class MemoryFile final : public File {
public:
  MemoryFile(std::size_t bytes, int flags) : File("/file", flags), data_(std::make_shared<Data>()) {
    data_->bytes.assign(bytes, 'f');
  }
  std::int64_t write(std::span<const iovec> from, std::optional<std::uint64_t> offset) override {
    std::size_t at = offset.value_or(0);
    for (const iovec &piece : from) {
      std::memcpy(data_->bytes.data() + at, piece.iov_base, piece.iov_len);
      at += piece.iov_len;
    }
    ++writes;
    return std::int64_t(at - offset.value_or(0));
  }
  std::shared_ptr<space::FileStore> store() override { return data_; }
  [[nodiscard]] FileKind kind() const override { return FileKind::Regular; }
  [[nodiscard]] std::string &bytes() { return data_->bytes; }
  unsigned writes = 0;

private:
  struct Data final : space::FileStore {
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
      std::memset(out.data(), 0, out.size());
      if (offset >= bytes.size()) return 0;
      const std::size_t count = std::min(out.size(), bytes.size() - offset);
      std::memcpy(out.data(), bytes.data() + offset, count);
      return count;
    }
    [[nodiscard]] std::uint64_t size() const override { return bytes.size(); }
    [[nodiscard]] const Identity &identity() const override { return who; }
    std::string bytes;
    Identity who{9, 77, "/file"};
  };
  std::shared_ptr<Data> data_;
};

class MemoryCalls : public test::CallWorld {
protected:
  Gva map(std::uint64_t pages, int prot = kReadWrite, int flags = kAnonymous, int fd = -1) {
    const std::int64_t at = call(kMmap, 0, pages * kPageSize, prot, flags, fd, 0);
    EXPECT_GT(at, 0);
    return Gva(std::uint64_t(at));
  }
  std::string vector_of(Gva begin, std::uint64_t pages) {
    EXPECT_EQ(call(kMincore, begin, pages * kPageSize, kScratch), 0);
    std::string bits;
    for (std::uint64_t i = 0; i < pages; ++i) bits += read<char>(kScratch + i) != 0 ? '1' : '0';
    return bits;
  }
};

TEST_F(MemoryCalls, PopulatedPagesAreResidentAndGoWithTheirMapping) {
  const auto free_before = memory->counters().free;
  const Gva at = map(40, kReadWrite, kAnonymous | MAP_POPULATE);
  EXPECT_EQ(space->resident_in({at, at + 40 * kPageSize}), 40u);
  EXPECT_EQ(vector_of(at, 40), std::string(40, '1'));
  EXPECT_EQ(call(kMadvise, at + 8 * kPageSize, 16 * kPageSize, MADV_DONTNEED), 0);
  EXPECT_EQ(vector_of(at, 40), "11111111" + std::string(16, '0') + std::string(16, '1'));
  EXPECT_EQ(call(kMunmap, at, 40 * kPageSize), 0);
  EXPECT_EQ(call(kMincore, at, kPageSize, kScratch), -ENOMEM);
  // The page tables and the page of the vector may remain.
  EXPECT_LE(free_before - memory->counters().free, 20u);
}

TEST_F(MemoryCalls, RangesAreCheckedAsTheManPagesSay) {
  const Gva at = map(4);
  EXPECT_EQ(call(kMunmap, at + 1, kPageSize), -EINVAL);
  EXPECT_EQ(call(kMunmap, at, 0), -EINVAL);
  EXPECT_EQ(call(kMunmap, at, ~0ull), -EINVAL);
  EXPECT_EQ(call(kMunmap, space::kUserEnd, kPageSize), -EINVAL);
  EXPECT_EQ(call(kMprotect, at + 1, kPageSize, PROT_READ), -EINVAL);
  EXPECT_EQ(call(kMprotect, at, ~0ull - kPageSize, PROT_READ), -ENOMEM);
  EXPECT_EQ(call(kMprotect, at, kPageSize, 0x100), -EINVAL);
  EXPECT_EQ(call(kMprotect, at, 0, PROT_READ), 0);
  EXPECT_EQ(call(kMprotect, at, kPageSize, PROT_READ | PROT_GROWSDOWN), -EINVAL);
  EXPECT_EQ(call(kMincore, at + 1, kPageSize, kScratch), -EINVAL);
  EXPECT_EQ(call(kMincore, at, kPageSize, 8), -EFAULT);
  EXPECT_EQ(call(kMsync, at, kPageSize, MS_SYNC | MS_ASYNC), -EINVAL);
  EXPECT_EQ(call(kMsync, at, 4 * kPageSize, MS_SYNC), 0);
  EXPECT_EQ(call(kMunmap, at + kPageSize, kPageSize), 0);
  EXPECT_EQ(call(kMprotect, at, 4 * kPageSize, PROT_READ), -ENOMEM);
  EXPECT_EQ(call(kMsync, at, 4 * kPageSize, MS_SYNC), -ENOMEM);
  EXPECT_EQ(call(kMmap, at, kPageSize, kReadWrite, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
}

TEST_F(MemoryCalls, MremapKeepsContentsAndRefusesNonsense) {
  const Gva at = map(2);
  ASSERT_TRUE(fault::write_value(*space, at, 0x1234));
  EXPECT_EQ(call(kMremap, at, 2 * kPageSize, 2 * kPageSize, 8, 0), -EINVAL);
  EXPECT_EQ(call(kMremap, at, 2 * kPageSize, 2 * kPageSize, MREMAP_FIXED, 0x30000000), -EINVAL);
  EXPECT_EQ(call(kMremap, at, 2 * kPageSize, 0, MREMAP_MAYMOVE, 0), -EINVAL);
  EXPECT_EQ(call(kMremap, at, kPageSize, 2 * kPageSize, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), -EINVAL);
  EXPECT_EQ(call(kMremap, 0x70000000, kPageSize, kPageSize, MREMAP_MAYMOVE, 0), -EFAULT);
  EXPECT_EQ(call(kMremap, at, 2 * kPageSize, kPageSize, MREMAP_MAYMOVE | MREMAP_FIXED, at + kPageSize), -EINVAL);
  EXPECT_EQ(call(kMremap, at, 2 * kPageSize, 4 * kPageSize, MREMAP_MAYMOVE | MREMAP_FIXED, 0x30000000), 0x30000000);
  EXPECT_EQ(read<int>(Gva(0x30000000)), 0x1234);
}

TEST_F(MemoryCalls, AdviceIsAcceptedOrRefusedAsLinuxDoes) {
  const Gva at = map(4, kReadWrite, kAnonymous | MAP_POPULATE);
  for (const int hint : {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
                         MADV_DONTDUMP, MADV_COLD, MADV_PAGEOUT})
    EXPECT_EQ(call(kMadvise, at, 4 * kPageSize, hint), 0) << hint;
  EXPECT_EQ(vector_of(at, 4), "1111");
  EXPECT_EQ(call(kMadvise, at, 4 * kPageSize, 9999), -EINVAL);
  EXPECT_EQ(call(kMadvise, at, 4 * kPageSize, MADV_HWPOISON), -EPERM);
  EXPECT_EQ(call(kMadvise, at + 1, kPageSize, MADV_NORMAL), -EINVAL);
  EXPECT_EQ(call(kMadvise, at, 4 * kPageSize, MADV_REMOVE), -EINVAL);
  EXPECT_EQ(call(kMadvise, at, 4 * kPageSize, MADV_DONTFORK), 0);
  EXPECT_EQ(call(kMadvise, at, 4 * kPageSize, MADV_DOFORK), 0);
  EXPECT_EQ(call(kMadvise, at, 4 * kPageSize, MADV_WIPEONFORK), 0);
  const Gva shared = map(2, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
  EXPECT_EQ(call(kMadvise, shared, kPageSize, MADV_WIPEONFORK), -EINVAL);
  EXPECT_EQ(call(kMadvise, shared, kPageSize, MADV_FREE), -EINVAL);
  EXPECT_EQ(call(kMadvise, shared, kPageSize, MADV_POPULATE_WRITE), 0);
  EXPECT_EQ(vector_of(shared, 1), "1");
  // A hole is reported after the mapped parts have had the advice.
  ASSERT_EQ(call(kMunmap, at + kPageSize, kPageSize), 0);
  EXPECT_EQ(call(kMadvise, at, 4 * kPageSize, MADV_DONTNEED), -ENOMEM);
  EXPECT_EQ(vector_of(at + 2 * kPageSize, 2), "00");
}

TEST_F(MemoryCalls, WipedAreasAreEmptyInAChildAndOmittedOnesAbsent) {
  const Gva wiped = map(1), omitted = map(1), plain = map(1);
  for (const Gva at : {wiped, omitted, plain}) ASSERT_TRUE(fault::write_value(*space, at, 7));
  ASSERT_EQ(call(kMadvise, wiped, kPageSize, MADV_WIPEONFORK), 0);
  ASSERT_EQ(call(kMadvise, omitted, kPageSize, MADV_DONTFORK), 0);
  const auto child = *space->fork(2);
  int value = -1;
  EXPECT_TRUE(fault::read_value(*child, plain, value) && value == 7);
  EXPECT_TRUE(fault::read_value(*child, wiped, value) && value == 0);
  EXPECT_FALSE(fault::read_value(*child, omitted, value));
}

TEST_F(MemoryCalls, TwoSharedMappingsOfAFileAreOneAndReachIt) {
  const auto file = std::make_shared<MemoryFile>(2 * kPageSize, O_RDWR);
  const int fd = process->fds->install(file, false);
  const Gva one = map(2, kReadWrite, MAP_SHARED, fd), two = map(2, kReadWrite, MAP_SHARED, fd);
  ASSERT_TRUE(fault::write_value(*space, one + 8, 'X'));
  EXPECT_EQ(read<char>(two + 8), 'X');
  EXPECT_EQ(read<char>(two + kPageSize), 'f');
  EXPECT_EQ(file->bytes()[8], 'f');
  EXPECT_EQ(call(kMsync, two, 2 * kPageSize, MS_SYNC), 0);
  EXPECT_EQ(file->bytes()[8], 'X');
  EXPECT_EQ(file->writes, 1u); // the other page was only read
  ASSERT_TRUE(fault::write_value(*space, two + kPageSize, 'Y'));
  EXPECT_EQ(call(kMunmap, one, 2 * kPageSize), 0);
  EXPECT_EQ(call(kMunmap, two, 2 * kPageSize), 0);
  EXPECT_EQ(file->bytes()[kPageSize], 'Y');
  EXPECT_EQ(file->writes, 2u);
}

TEST_F(MemoryCalls, TheLastMappingToGoWritesBackWithoutMunmap) {
  const auto file = std::make_shared<MemoryFile>(kPageSize, O_RDWR);
  process->fds->install(file, false);
  const Gva at = map(1, kReadWrite, MAP_SHARED, 0);
  ASSERT_TRUE(fault::write_value(*space, at, 'Z'));
  {
    const LockGuard guard(kernel->mutex);
    kernel->processes.clear();
  }
  EXPECT_EQ(file->bytes()[0], 'Z');
}

TEST_F(MemoryCalls, FileMappingsNeedTheRightsOfTheDescriptor) {
  const int reader = process->fds->install(std::make_shared<MemoryFile>(kPageSize, O_RDONLY), false);
  const int writer = process->fds->install(std::make_shared<MemoryFile>(kPageSize, O_WRONLY), false);
  EXPECT_EQ(call(kMmap, 0, kPageSize, PROT_READ, MAP_PRIVATE, 99, 0), -EBADF);
  EXPECT_EQ(call(kMmap, 0, kPageSize, PROT_READ, MAP_PRIVATE, writer, 0), -EACCES);
  EXPECT_EQ(call(kMmap, 0, kPageSize, kReadWrite, MAP_SHARED, reader, 0), -EACCES);
  const Gva at = map(1, PROT_READ, MAP_SHARED, reader);
  EXPECT_EQ(call(kMprotect, at, kPageSize, kReadWrite), -EACCES);
  const Gva own = map(1, kReadWrite, MAP_PRIVATE, reader);
  ASSERT_TRUE(fault::write_value(*space, own, 'P'));
  EXPECT_EQ(read<char>(at), 'f');
}

TEST_F(MemoryCalls, SegmentsAreSharedByKeyAndGoWithTheLastDetach) {
  constexpr int kKey = 0x1234;
  EXPECT_EQ(call(kShmget, kKey, 100, 0600), -ENOENT);
  const auto id = call(kShmget, kKey, 100, IPC_CREAT | 0600);
  ASSERT_GE(id, 0);
  EXPECT_EQ(call(kShmget, kKey, 100, IPC_CREAT | IPC_EXCL | 0600), -EEXIST);
  EXPECT_EQ(call(kShmget, kKey, 5000, 0600), -EINVAL);
  EXPECT_EQ(call(kShmget, IPC_PRIVATE, 0, 0600), -EINVAL);
  EXPECT_EQ(call(kShmat, id + 1, 0, 0), -EINVAL);
  EXPECT_EQ(call(kShmat, id, 0x10001, 0), -EINVAL);

  Process &other = *add_process(2, 1);
  const Gva here(std::uint64_t(call(kShmat, id, 0, 0)));
  const Gva there(std::uint64_t(call_as(other, kShmat, id, 0, SHM_RDONLY)));
  ASSERT_TRUE(fault::write_value(*space, here, 0x55));
  int seen = 0;
  EXPECT_TRUE(fault::read_value(*other.space, there, seen));
  EXPECT_EQ(seen, 0x55);
  EXPECT_FALSE(fault::write_value(*other.space, there, 1));

  EXPECT_EQ(call(kShmctl, id, IPC_STAT, kScratch), 0);
  EXPECT_EQ(read<shmid_ds>(kScratch).shm_nattch, 2u);
  EXPECT_EQ(read<shmid_ds>(kScratch).shm_segsz, 100u);
  EXPECT_EQ(call(kShmctl, id, IPC_RMID, 0), 0);
  EXPECT_EQ(call(kShmget, kKey, 100, 0600), -ENOENT); // the key is free, the segment is not
  EXPECT_EQ(call(kShmctl, id, IPC_STAT, kScratch), 0);
  EXPECT_EQ(call(kShmdt, here), 0);
  EXPECT_EQ(call(kShmdt, here), -EINVAL);
  EXPECT_EQ(call_as(other, kShmdt, there), 0);
  EXPECT_EQ(call(kShmctl, id, IPC_STAT, kScratch), -EINVAL);
}

TEST_F(MemoryCalls, CopyingBetweenProcessesStopsAtTheFirstBadPage) {
  Process &other = *add_process(2, 1);
  const Gva theirs(std::uint64_t(call_as(other, kMmap, 0, 2 * kPageSize, kReadWrite, kAnonymous, -1, 0)));
  ASSERT_TRUE(fault::write_value(*other.space, theirs, std::uint64_t(0xabcdef)));
  const iovec local{std::bit_cast<void *>(kScratch + 64), 8}, remote{std::bit_cast<void *>(theirs), 8};
  put(local, 0);
  put(remote, 16);
  EXPECT_EQ(call(kReadv, 2, kScratch, 1, kScratch + 16, 1, 0), 8);
  EXPECT_EQ(read<std::uint64_t>(kScratch + 64), 0xabcdefu);
  put(iovec{std::bit_cast<void *>(theirs + 2 * kPageSize - 4), 8}, 16);
  EXPECT_EQ(call(kWritev, 2, kScratch, 1, kScratch + 16, 1, 0), 4);
  put(iovec{std::bit_cast<void *>(Gva(0x1000)), 8}, 16);
  EXPECT_EQ(call(kWritev, 2, kScratch, 1, kScratch + 16, 1, 0), -EFAULT);
  EXPECT_EQ(call(kReadv, 3, kScratch, 1, kScratch + 16, 1, 0), -ESRCH);
  EXPECT_EQ(call(kReadv, 2, kScratch, 1, kScratch + 16, 1, 1), -EINVAL);
  EXPECT_EQ(call(kReadv, 2, kScratch, 2000, kScratch + 16, 1, 0), -EINVAL);
  process->credentials.uid = process->credentials.euid = 1000;
  EXPECT_EQ(call(kReadv, 2, kScratch, 1, kScratch + 16, 1, 0), -EPERM);
}

TEST_F(MemoryCalls, LocksObeyTheirLimitAndMakePagesPresent) {
  const Gva at = map(8);
  EXPECT_EQ(call(kMlock, at + 100, kPageSize), 0);
  EXPECT_EQ(vector_of(at, 2), "11");
  EXPECT_EQ(call(kMlock, at, 64 * kPageSize), -ENOMEM);
  EXPECT_EQ(call(kMlockall, 0), -EINVAL);
  process->credentials.euid = 1000;
  process->limits[RLIMIT_MEMLOCK] = {kPageSize, kPageSize};
  EXPECT_EQ(call(kMlock, at, 2 * kPageSize), -ENOMEM);
  EXPECT_EQ(call(kMmap, 0, 2 * kPageSize, kReadWrite, kAnonymous | MAP_LOCKED, -1, 0), -EAGAIN);
  process->limits[RLIMIT_MEMLOCK] = {0, 0};
  EXPECT_EQ(call(kMlock, at, kPageSize), -EPERM);
}

TEST_F(MemoryCalls, OneNodeAndNoProtectionKeys) {
  const Gva at = map(1);
  EXPECT_EQ(call(kGetMempolicy, kScratch, kScratch + 8, 64, 0, 0), 0);
  EXPECT_EQ(read<int>(kScratch), 0);
  put(std::uint64_t(1));
  EXPECT_EQ(call(kMbind, at, kPageSize, 2, kScratch, 64, 0), 0);
  put(std::uint64_t(2));
  EXPECT_EQ(call(kMbind, at, kPageSize, 2, kScratch, 64, 0), -EINVAL);
  EXPECT_EQ(call(kPkeyAlloc, 0, 0), -ENOSPC);
  EXPECT_EQ(call(kPkeyMprotect, at, kPageSize, PROT_READ, 1), -EINVAL);
  EXPECT_EQ(call(kPkeyMprotect, at, kPageSize, PROT_READ, -1), 0);
}

} // namespace
} // namespace pagoda::kernel
