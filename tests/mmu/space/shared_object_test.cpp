#include "mmu/space/shared_object.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>

#include "tests/mmu/space/fake_file.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::space {
namespace {

using test::FakeFile;
using test::LimitedMemory;

std::uint64_t word(LimitedMemory &memory, Gfn frame, std::size_t offset) {
  std::uint64_t value = 0;
  std::memcpy(&value, memory->host(frame) + offset, sizeof value);
  return value;
}

TEST(SharedObject, OnePageIsOneFrameForEveryone) {
  LimitedMemory memory(4 << 20);
  const auto before = memory.in_use();
  {
    SharedObject object(*memory);
    const Gfn first = *object.page(0x5000), again = *object.page(0x5000), other = *object.page(0x6000);
    EXPECT_EQ(first, again);
    EXPECT_NE(first, other);
    EXPECT_EQ(word(memory, first, 0), 0u);
    EXPECT_EQ(object.resident_pages(), 2u);
    EXPECT_EQ(memory->frame(first).refs.load(), 3u);
    for (const Gfn frame : {first, again, other}) memory->put(frame);
  }
  EXPECT_EQ(memory.in_use(), before);
}

TEST(SharedObject, AFileIsReadAtOnceAndItsTailIsZero) {
  LimitedMemory memory(4 << 20);
  auto file = std::make_shared<FakeFile>(7 * kPageSize + 24);
  SharedObject object(*memory, file);
  std::array<Gfn, 16> frames;
  ASSERT_EQ(object.pages(0, frames), 8u);
  EXPECT_EQ(file->reads, 1u); // fresh memory: the frames are adjacent
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(word(memory, frames[i], 8), file->word(i * kPageSize + 8));
  EXPECT_EQ(word(memory, frames[7], 16), file->word(7 * kPageSize + 16));
  EXPECT_EQ(word(memory, frames[7], 24), 0u);
  for (std::size_t i = 0; i < 8; ++i) memory->put(frames[i]);
  EXPECT_EQ(object.page(8 * kPageSize).error(), Error::PastEnd);
  EXPECT_EQ(object.page(~0ull & ~kPageMask).error(), Error::PastEnd);
}

TEST(SharedObject, AFailedReadLeavesNothingBehind) {
  LimitedMemory memory(4 << 20);
  auto file = std::make_shared<FakeFile>(1 << 20);
  SharedObject object(*memory, file);
  const auto before = memory.in_use();
  file->fails = true;
  EXPECT_EQ(object.page(0).error(), Error::Io);
  file->fails = false;
  failpoint::file_read.fail_at(1);
  EXPECT_EQ(object.page(0).error(), Error::Io);
  failpoint::frame_allocation.fail_at(1);
  EXPECT_EQ(object.page(0).error(), Error::OutOfMemory);
  failpoint::frame_allocation.fail_at(0);
  EXPECT_EQ(memory.in_use(), before);
  EXPECT_EQ(object.resident_pages(), 0u);
  memory->put(*object.page(0));
}

TEST(SharedObject, PagesPresentInTheMiddleAreKept) {
  LimitedMemory memory(4 << 20);
  SharedObject object(*memory, std::make_shared<FakeFile>(1 << 20));
  const Gfn middle = *object.page(3 * kPageSize);
  std::array<Gfn, 8> frames;
  ASSERT_EQ(object.pages(0, frames), 8u);
  EXPECT_EQ(frames[3], middle);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(word(memory, frames[i], 0), i * kPageSize + 1);
  for (const Gfn frame : frames) memory->put(frame);
  memory->put(middle);
}

TEST(SharedObject, TruncationDropsPagesAndZeroesTheTail) {
  LimitedMemory memory(4 << 20);
  SharedObject object(*memory, std::make_shared<FakeFile>(1 << 20));
  std::array<Gfn, 4> frames;
  ASSERT_EQ(object.pages(0, frames), 4u);
  object.truncate(kPageSize + 8);
  EXPECT_EQ(object.resident_pages(), 2u);
  EXPECT_EQ(word(memory, frames[1], 0), kPageSize + 1);
  EXPECT_EQ(word(memory, frames[1], 8), 0u);
  EXPECT_EQ(word(memory, frames[2], 0), 2 * kPageSize + 1); // still held by us
  object.truncate(0);
  EXPECT_EQ(object.resident_pages(), 0u);
  for (const Gfn frame : frames) memory->put(frame);
}

// The frames are the device's: neither filled nor given back, and nothing lies behind the last.
TEST(SharedObject, DeviceMemoryIsItsOwnFrames) {
  phys::Topology topology = phys::Topology::without_reserves(8ull << 20);
  topology.device_bytes = 16 * kPageSize;
  test::World world(topology);
  const GpaRange room = topology.device_room();
  ASSERT_TRUE(world.memory->add_device(room));
  const GfnRange frames{Gfn::of(room.begin), Gfn::of(room.end)};
  for (Gfn at = frames.begin; at < frames.end; at = at + 1) std::memcpy(world.memory->host(at), &at, sizeof at);

  space::MapRequest request = test::anonymous_at(Gva(0x10000000), 18);
  request.area.shared = true;
  request.area.object = make_object(*world.memory, nullptr, frames);
  ASSERT_TRUE(world.space->map(std::move(request)));
  for (std::uint64_t page = 0; page < 16; ++page) {
    const Gva at = Gva(0x10000000) + test::pages(page);
    EXPECT_EQ(test::peek(*world.space, at), (frames.begin + page).number());
    test::poke(*world.space, at, ~page);
    EXPECT_EQ(word(world.memory, frames.begin + page, 0), ~page);
  }
  EXPECT_EQ(test::touch(*world.space, Gva(0x10000000) + test::pages(16)), fault::Case::PastEnd);
  EXPECT_EQ(world.memory->remove_device(room).error(), Error::Busy);
  ASSERT_TRUE(world.space->unmap(test::range_of(Gva(0x10000000), 18)));
  EXPECT_EQ(world.memory->frame(frames.begin).refs.load(), 1u);
  EXPECT_TRUE(world.memory->remove_device(room));
}

} // namespace
} // namespace pagoda::space
