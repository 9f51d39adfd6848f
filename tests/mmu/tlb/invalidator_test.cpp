#include "mmu/tlb/invalidator.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/limited_memory.hpp"
#include "tests/support/recording_carrier.hpp"

namespace pagoda::tlb {
namespace {

using phys::FrameKind;
using test::LimitedMemory;
using test::RecordingCarrier;

class InvalidatorTest : public testing::Test {
protected:
  LimitedMemory memory_{4 << 20};
  Gfn frame(FrameKind kind = FrameKind::Anonymous) { return *memory_->allocate(0, kind, 1); }
  bool freed(Gfn frame) { return memory_->frame(frame).refs.load() == 0; }
};

TEST_F(InvalidatorTest, CarrierFirstThenTheFrames) {
  RecordingCarrier carrier;
  Invalidator invalidator(carrier, *memory_);
  const Gfn data = frame(), table = frame(FrameKind::Table);
  table::InvalidationBatch batch;
  batch.note({Gva(0x5000), data, 1});
  batch.release_frame(data);
  batch.retire_table(table);
  carrier.on_flush = [&] { EXPECT_TRUE(!freed(data) && !freed(table)) << "freed before the flush"; };
  invalidator.consume(Gfn(9), std::move(batch));
  EXPECT_TRUE(freed(data) && freed(table));
  ASSERT_EQ(carrier.calls.size(), 1u);
  EXPECT_FALSE(carrier.calls[0].full);
  EXPECT_EQ(carrier.calls[0].root, Gfn(9));
  ASSERT_EQ(carrier.calls[0].stale.size(), 1u);
  EXPECT_EQ(carrier.calls[0].stale[0].gva, Gva(0x5000));
  EXPECT_EQ(carrier.calls[0].stale[0].old_frame, data);
  EXPECT_EQ(invalidator.counters().leaves, 1u);
  EXPECT_EQ(invalidator.counters().full, 0u);
}

TEST_F(InvalidatorTest, AnEmptyBatchCostsNothing) {
  RecordingCarrier carrier;
  Invalidator invalidator(carrier, *memory_);
  invalidator.consume(Gfn(1), {});
  EXPECT_TRUE(carrier.calls.empty());
  EXPECT_EQ(invalidator.counters().batches, 0u);
}

TEST_F(InvalidatorTest, FramesThatNobodyCanHaveCachedNeedNoFlush) {
  RecordingCarrier carrier;
  Invalidator invalidator(carrier, *memory_);
  table::InvalidationBatch batch;
  batch.release_frame(frame());
  invalidator.consume(Gfn(1), std::move(batch));
  EXPECT_TRUE(carrier.calls.empty());
  EXPECT_EQ(memory_.in_use(), 0u);
}

TEST_F(InvalidatorTest, ATableWithoutLeavesIsFlushedToo) {
  RecordingCarrier carrier;
  Invalidator invalidator(carrier, *memory_);
  const Gfn table = frame(FrameKind::Table);
  carrier.on_flush = [&] { EXPECT_FALSE(freed(table)); };
  table::InvalidationBatch batch;
  batch.retire_table(table);
  invalidator.consume(Gfn(1), std::move(batch));
  ASSERT_EQ(carrier.calls.size(), 1u);
  EXPECT_TRUE(carrier.calls[0].full);
  EXPECT_TRUE(freed(table));
}

TEST_F(InvalidatorTest, QuarantineEndsAfterAFullFlushOnly) {
  RecordingCarrier carrier(true);
  Invalidator invalidator(carrier, *memory_);
  const Gfn data = frame(), table = frame(FrameKind::Table);
  table::InvalidationBatch batch;
  batch.note({Gva(0x5000), data, 1});
  batch.release_frame(data);
  batch.retire_table(table);
  invalidator.consume(Gfn(9), std::move(batch));
  EXPECT_TRUE(freed(data));
  EXPECT_FALSE(freed(table));
  EXPECT_EQ(invalidator.counters().quarantined, 1u);
  carrier.on_flush = [&] { EXPECT_FALSE(freed(table)); };
  invalidator.drain();
  EXPECT_TRUE(carrier.calls.back().full);
  EXPECT_TRUE(freed(table));
  EXPECT_EQ(invalidator.counters().quarantined, 0u);
  const std::size_t calls = carrier.calls.size();
  invalidator.drain();
  EXPECT_EQ(carrier.calls.size(), calls) << "nothing waits, nothing to flush";
}

TEST_F(InvalidatorTest, QuarantineIsBounded) {
  RecordingCarrier carrier(true);
  Invalidator invalidator(carrier, *memory_);
  for (std::size_t i = 0; i < Invalidator::kQuarantineLimit; ++i) {
    EXPECT_TRUE(carrier.calls.empty());
    table::InvalidationBatch batch;
    batch.retire_table(frame(FrameKind::Table));
    invalidator.consume(Gfn(1), std::move(batch));
  }
  ASSERT_EQ(carrier.calls.size(), 1u);
  EXPECT_TRUE(carrier.calls[0].full);
  EXPECT_EQ(memory_.in_use(), 0u);
}

TEST_F(InvalidatorTest, TheEndReleasesTheQuarantine) {
  RecordingCarrier carrier(true);
  {
    Invalidator invalidator(carrier, *memory_);
    table::InvalidationBatch batch;
    batch.retire_table(frame(FrameKind::Table));
    invalidator.consume(Gfn(1), std::move(batch));
  }
  EXPECT_TRUE(carrier.calls.back().full);
  EXPECT_EQ(memory_.in_use(), 0u);
}

TEST_F(InvalidatorTest, AFailedFlushBecomesAFullOne) {
  RecordingCarrier carrier;
  carrier.flush_fails = true;
  Invalidator invalidator(carrier, *memory_);
  const Gfn data = frame();
  carrier.on_flush = [&] { EXPECT_FALSE(freed(data)); };
  table::InvalidationBatch batch;
  batch.note({Gva(0x5000), data, 1});
  batch.release_frame(data);
  invalidator.consume(Gfn(1), std::move(batch));
  ASSERT_EQ(carrier.calls.size(), 2u);
  EXPECT_TRUE(carrier.calls[1].full);
  EXPECT_TRUE(freed(data));
}

using InvalidatorDeathTest = InvalidatorTest;
TEST_F(InvalidatorDeathTest, WithoutAnyFlushTheProcessEnds) {
  RecordingCarrier carrier;
  carrier.flush_fails = carrier.flush_all_fails = true;
  Invalidator invalidator(carrier, *memory_);
  EXPECT_DEATH(
      {
        table::InvalidationBatch batch;
        batch.note({Gva(0x5000), Gfn(1), 1});
        invalidator.consume(Gfn(1), std::move(batch));
      },
      "carrier recording cannot flush");
}

TEST_F(InvalidatorTest, ThreadsShareIt) {
  RecordingCarrier carrier(true);
  Invalidator invalidator(carrier, *memory_);
  const auto work = [&] {
    for (int i = 0; i < 500; ++i) {
      table::InvalidationBatch batch;
      const Gfn data = *memory_->allocate(0, FrameKind::Anonymous, 1);
      batch.note({Gva(0x1000), data, 1});
      batch.release_frame(data);
      if (i % 3 == 0) batch.retire_table(*memory_->allocate(0, FrameKind::Table, 1));
      invalidator.consume(Gfn(1), std::move(batch));
      if (i % 50 == 0) invalidator.drain();
    }
  };
  std::thread other(work);
  work();
  other.join();
  invalidator.drain();
  EXPECT_EQ(memory_.in_use(), 0u);
  EXPECT_EQ(memory_->counters().refused_frees, 0u);
  EXPECT_EQ(invalidator.counters().batches, 1000u);
}

} // namespace
} // namespace pagoda::tlb
