// Objects that wander between threads: remote frees, visits by shrink, more threads than CPU slots.
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/kernel_memory.hpp"

namespace pagoda::phys {
namespace {

using test::KernelMemory;

struct Object {
  std::uint64_t stamp;
  std::uint64_t again[5];
};

// A place where threads leave objects for each other.
class Exchange {
public:
  // Puts `object` in and takes another out, or null.
  Object *swap(std::size_t place, Object *object) {
    return places_[place % places_.size()].exchange(object, std::memory_order_acq_rel);
  }

private:
  std::array<std::atomic<Object *>, 64> places_{};
};

void stamp(Object *object, std::uint64_t value) {
  object->stamp = value;
  for (std::uint64_t &each : object->again) each = value;
}
bool intact(const Object *object) {
  for (const std::uint64_t each : object->again)
    if (each != object->stamp) return false;
  return true;
}

class SlabThreads : public testing::TestWithParam<SlabPolicy> {
protected:
  KernelMemory memory_{64ull << 20, {.policy = GetParam(), .checks = CacheFlags::None}};
  Cache &cache_ = memory_.cache({.name = "wanderers", .size = sizeof(Object)});
  Exchange exchange_;
  std::atomic<int> broken_{0};

  void wander(unsigned seed, int steps) {
    std::mt19937 random(seed);
    std::vector<Object *> own;
    for (int step = 0; step < steps; ++step) {
      auto *object = static_cast<Object *>(cache_.allocate());
      if (object == nullptr) continue;
      stamp(object, std::uint64_t(seed) << 32 | unsigned(step));
      if (random() % 4 == 0)
        own.push_back(object);
      else if (Object *other = exchange_.swap(random(), object))
        release(other);
      if (own.size() > 200) {
        for (Object *each : own) release(each);
        own.clear();
      }
    }
    for (Object *each : own) release(each);
  }
  void release(Object *object) {
    if (!intact(object)) ++broken_;
    cache_.free(object);
  }
  void empty_exchange() {
    for (std::size_t place = 0; place < 64; ++place)
      if (Object *object = exchange_.swap(place, nullptr)) release(object);
  }
  void expect_empty() {
    EXPECT_EQ(broken_, 0);
    EXPECT_TRUE(memory_.reports.empty()) << to_string(memory_.reports[0]);
    EXPECT_EQ(cache_.invariant(), "");
    EXPECT_EQ(cache_.figures().active_objects, 0u);
    cache_.shrink();
    EXPECT_EQ(memory_.arena->in_use(), 0u);
  }
};

TEST_P(SlabThreads, FreeWhatOthersAllocated) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back([this, i] { wander(i + 1, 5000); });
  for (std::thread &each : threads) each.join();
  empty_exchange();
  expect_empty();
}

TEST_P(SlabThreads, AreVisitedWhileTheyRun) {
  std::atomic<bool> stop{false};
  std::thread visitor([&] {
    while (!stop) {
      cache_.shrink();
      EXPECT_LE(cache_.figures().active_objects, 4096u);
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 3; ++i) threads.emplace_back([this, i] { wander(i + 1, 3000); });
  for (std::thread &each : threads) each.join();
  stop = true;
  visitor.join();
  empty_exchange();
  expect_empty();
}

// One thread allocates, another frees: what comes back is used again.
TEST_P(SlabThreads, ReuseWhatComesBack) {
  std::vector<Object *> batch(1000);
  for (int round = 0; round < 30; ++round) {
    for (Object *&each : batch) stamp(each = static_cast<Object *>(cache_.allocate()), unsigned(round));
    std::thread([&] {
      for (Object *each : batch) release(each);
    }).join();
  }
  EXPECT_LT(cache_.figures().total_objects, 6000u);
  expect_empty();
}

TEST_P(SlabThreads, MayOutnumberTheSlots) {
  std::vector<std::thread> threads;
  std::atomic<unsigned> waiting{0};
  for (unsigned i = 0; i < kCpuSlots + 8; ++i)
    threads.emplace_back([&, i] {
      static_cast<void>(cpu_slot()); // all of them at once: some have none
      ++waiting;
      while (waiting < kCpuSlots + 8) std::this_thread::yield();
      wander(i + 1, 150);
    });
  for (std::thread &each : threads) each.join();
  empty_exchange();
  expect_empty();
}

INSTANTIATE_TEST_SUITE_P(Policies, SlabThreads, testing::Values(SlabPolicy::Slub, SlabPolicy::Slab, SlabPolicy::Slob),
                         [](const auto &each) {
                           return each.param == SlabPolicy::Slub   ? "Slub"
                                  : each.param == SlabPolicy::Slab ? "Slab"
                                                                   : "Slob";
                         });

} // namespace
} // namespace pagoda::phys
