// Threads that fault, unmap, protect and copy at once. Short; meant to be run under TSan as well.
#include <atomic>
#include <thread>

#include "tests/mmu/space/fake_file.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::fault {
namespace {

using test::anonymous_at;
using test::kReadWrite;
using test::pages;
using test::range_of;
using test::World;

constexpr Gva kAt{0x10000000};
constexpr int kRounds = 300;

TEST(Concurrency, FaultsUnmapsAndCopiesKeepTheSpaceWhole) {
  World world;
  space::Space &space = *world.space;
  const auto before = world.memory.in_use();
  auto file = std::make_shared<test::FakeFile>(pages(64));
  std::atomic<bool> wrong = false;

  const auto churn = [&](unsigned seed) {
    for (int round = 0; round < kRounds; ++round) {
      auto request = anonymous_at(kAt, 32);
      if ((round + seed) % 2 == 0) request.area.file = file;
      if (!space.map(request)) wrong = true;
      for (std::uint64_t page = seed; page < 32; page += 5)
        if (const auto which = resolve(space, kAt + pages(page), Access::Read).which;
            which == Case::OutOfMemory || which == Case::IoError || which == Case::PastEnd)
          wrong = true;
      if (round % 3 == 0 && !space.unmap(range_of(kAt + pages(8), 8))) wrong = true;
      if (round % 5 == 0) static_cast<void>(space.protect(range_of(kAt, 8), Prot::Read));
    }
  };
  const auto copy = [&] {
    std::vector<std::uint64_t> words(pages(8) / sizeof(std::uint64_t));
    for (int round = 0; round < kRounds; ++round) {
      const auto bytes = copy_in(space, kAt, std::as_writable_bytes(std::span(words)));
      // Each page is one of the two that can be there, whole: zeroes, or its bytes of the file.
      for (std::size_t i = 0; i < bytes / sizeof(std::uint64_t); i += 64)
        if (words[i] != 0 && words[i] != file->word(i * sizeof(std::uint64_t))) wrong = true;
    }
  };
  std::thread first(churn, 0), second(churn, 1), third(copy);
  first.join();
  second.join();
  third.join();
  EXPECT_FALSE(wrong);
  EXPECT_EQ(space.invariant(), "");
  ASSERT_TRUE(space.unmap(range_of(kAt, 32)));
  world.invalidator.drain();
  EXPECT_EQ(world.memory.in_use(), before);
  EXPECT_EQ(world.memory->invariant(), "");
}

TEST(Concurrency, OneObjectIsFilledOnceByManySpaces) {
  World world;
  const auto object = std::make_shared<space::SharedObject>(*world.memory, std::make_shared<test::FakeFile>(pages(64)));
  std::array<std::shared_ptr<space::Space>, 3> spaces;
  for (auto &space : spaces) {
    space = *space::Space::create(*world.memory, world.invalidator, {}, 9);
    auto request = anonymous_at(kAt, 64, Prot::Read);
    request.area.shared = true;
    request.area.object = object;
    ASSERT_TRUE(space->map(request));
  }
  std::vector<std::thread> threads;
  for (auto &space : spaces)
    threads.emplace_back([&space] {
      for (std::uint64_t page = 0; page < 64; page += 3)
        static_cast<void>(resolve(*space, kAt + pages(page), Access::Read));
    });
  for (auto &thread : threads) thread.join();
  EXPECT_EQ(object->resident_pages(), 64u);
  for (std::uint64_t page = 0; page < 64; page += 3)
    EXPECT_EQ(spaces[0]->query(kAt + pages(page))->frame, spaces[2]->query(kAt + pages(page))->frame);
}

} // namespace
} // namespace pagoda::fault
