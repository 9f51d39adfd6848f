#include "mmu/space/layout32/kmap.hpp"

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "tests/mmu/space/layout32/world32.hpp"

namespace pagoda::space {
namespace {

using test::World32;

TEST(Kmap, LowMemoryHasItsAddressAlready) {
  World32 world;
  Kmap &kmap = world.map.kmap;
  const Gfn low = world.stamped(Gfn(12345));
  const Gva gva = kmap.map(low).value();
  EXPECT_EQ(gva, Gva(0xc0000000 + (12345ull << kPageShift)));
  EXPECT_TRUE(world.reads(gva, low));
  EXPECT_TRUE(kmap.unmap(gva));
  EXPECT_EQ(kmap.figures().used, 0u);
  EXPECT_EQ(kmap.map(World32::high(World32::kHighFrames)).error(), Error::Invalid) << "no RAM";
}

TEST(Kmap, OneSlotAFrameHoweverManyUsers) {
  World32 world;
  Kmap &kmap = world.map.kmap;
  const Gfn frame = world.stamped(World32::high(3));
  const Gva gva = kmap.map(frame).value();
  EXPECT_EQ(kmap.map(frame).value(), gva);
  EXPECT_TRUE(kmap.unmap(gva));
  EXPECT_EQ(kmap.figures().used, 1u);
  EXPECT_TRUE(kmap.unmap(gva + 100));
  EXPECT_EQ(kmap.unmap(gva).error(), Error::NotMapped) << "one too many";
  EXPECT_EQ(kmap.unmap(Gva(0x1000)).error(), Error::NotMapped);
  EXPECT_EQ(kmap.figures().lingering, 1u);
  EXPECT_EQ(kmap.map(frame).value(), gva) << "found again without a flush";
}

TEST(Kmap, FlushesOnceATurn) {
  World32 world;
  std::vector<std::size_t> flushes;
  Kmap kmap(world.map.layout, *world.memory, [&](std::span<const Gva> pages) { flushes.push_back(pages.size()); });
  const unsigned slots = kmap.figures().slots;
  ASSERT_EQ(slots, 1024u);
  const Gva held = kmap.map(World32::high(0)).value();
  std::set<Gva> given;
  for (unsigned i = 1; i < slots - 1; ++i) {
    const Gva gva = kmap.map(World32::high(i)).value();
    EXPECT_TRUE(given.insert(gva).second) << "no slot twice before the flush";
    ASSERT_TRUE(kmap.unmap(gva));
  }
  EXPECT_TRUE(flushes.empty());
  EXPECT_EQ(kmap.figures().lingering, slots - 2);
  // The next search comes round: one flush for all that nobody uses, and none for the one in use.
  ASSERT_TRUE(kmap.map(World32::high(2000)));
  EXPECT_EQ(flushes, (std::vector<std::size_t>{slots - 2}));
  EXPECT_EQ(kmap.frame_at(held), World32::high(0));
  EXPECT_FALSE(kmap.frame_at(*given.begin()));
  EXPECT_EQ(kmap.invariant(), "");
}

TEST(Kmap, RefusesWhenEverySlotHasUsers) {
  World32 world;
  Kmap &kmap = world.map.kmap;
  std::vector<Gva> all;
  for (unsigned i = 0; i < 1024; ++i) all.push_back(kmap.map(World32::high(i)).value());
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 1024u);
  EXPECT_EQ(kmap.map(World32::high(1024)).error(), Error::Busy);
  EXPECT_EQ(kmap.map(World32::high(5)).value(), all[5]) << "what is mapped needs no slot";
  ASSERT_TRUE(kmap.unmap(all[700]));
  EXPECT_EQ(kmap.map(World32::high(1024)).value(), all[700]);
  EXPECT_EQ(kmap.map(World32::high(700)).error(), Error::Busy);
  EXPECT_EQ(kmap.invariant(), "");
}

// Against a plain count of users by frame; every address is read through translate().
TEST(Kmap, RandomOperationsAgainstAModel) {
  for (const unsigned frames : {900u, 3000u}) {
    World32 world;
    Kmap &kmap = world.map.kmap;
    struct User {
      Gva gva;
      unsigned count = 0;
    };
    std::map<Gfn, User> users;
    bool was_full = false;
    std::mt19937 random(frames);
    for (unsigned i = 0; i < frames; ++i) (void)world.stamped(World32::high(i));
    for (unsigned step = 0; step < 40000; ++step) {
      const bool grow = step / 4000 % 2 == 0; // fills the window, then empties it
      if (random() % 8 < (grow ? 6u : 2u) || users.empty()) {
        const Gfn frame = World32::high(random() % frames);
        const auto gva = kmap.map(frame);
        if (!gva) {
          ASSERT_EQ(gva.error(), Error::Busy);
          ASSERT_EQ(users.size(), 1024u);
          was_full = true;
          continue;
        }
        User &user = users[frame];
        if (user.count++ == 0) user.gva = *gva;
        ASSERT_EQ(*gva, user.gva);
      } else {
        auto it = users.lower_bound(World32::high(random() % frames));
        if (it == users.end()) it = users.begin();
        ASSERT_TRUE(kmap.unmap(it->second.gva));
        if (--it->second.count == 0) users.erase(it);
      }
      if (step % 500 != 0) continue;
      ASSERT_EQ(kmap.invariant(), "");
      ASSERT_EQ(kmap.figures().used, users.size());
      std::set<Gva> distinct;
      for (const auto &[frame, user] : users) {
        ASSERT_TRUE(distinct.insert(user.gva).second);
        ASSERT_TRUE(world.reads(user.gva, frame)) << frame.number();
      }
    }
    // As long as there are fewer frames than slots, each keeps its own.
    EXPECT_EQ(kmap.figures().flushes > 0, frames > kmap.figures().slots);
    EXPECT_EQ(was_full, frames > kmap.figures().slots);
  }
}

} // namespace
} // namespace pagoda::space
