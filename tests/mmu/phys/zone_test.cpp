// Nodes, zones, reserves and fallback, seen from the whole memory.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/phys/dma.hpp"
#include "tests/support/limited_memory.hpp"

namespace pagoda::phys {
namespace {

using test::LimitedMemory;
constexpr std::uint64_t kMiB = 1ull << 20;
constexpr std::uint64_t kGiB = 1ull << 30;

Topology two_nodes(std::uint64_t each) {
  Topology topology = Topology::without_reserves(0);
  topology.nodes = {{.bytes = each, .cpus = {0}, .distances = {}}, {.bytes = each, .cpus = {1}, .distances = {}}};
  return topology;
}

const ZoneFigures &zone(const MemoryFigures &figures, ZoneType type, NodeId node = 0) {
  return *std::ranges::find_if(figures.zones, [&](const ZoneFigures &z) { return z.type == type && z.node == node; });
}

std::uint64_t fill(PhysicalMemory &memory, Request request, std::uint64_t at_most = ~0ull) {
  std::uint64_t had = 0;
  while (had < at_most && memory.allocate(request)) ++had;
  return had;
}

constexpr Request kMovable{.gfp = Gfp::HighUserMovable, .preferred = 0};
constexpr Request kKernel{.gfp = Gfp::Kernel, .kind = FrameKind::Kernel, .preferred = 0};

TEST(Zones, GfpChoosesTheZone) {
  Topology topology = Topology::without_reserves(5 * kGiB);
  topology.movable_bytes = kGiB;
  LimitedMemory memory(topology);
  const auto zone_had = [&](Gfp gfp) { return *memory->zone_of(*memory->allocate({.gfp = gfp, .preferred = 0})); };
  EXPECT_EQ(zone_had(Gfp::HighUserMovable), ZoneType::Movable);
  EXPECT_EQ(zone_had(Gfp::Kernel), ZoneType::Normal);
  EXPECT_EQ(zone_had(Gfp::Kernel | Gfp::Movable), ZoneType::Normal) << "movable alone does not open MOVABLE";
  EXPECT_EQ(zone_had(Gfp::Kernel | Gfp::Dma32), ZoneType::Dma32);
  EXPECT_EQ(zone_had(Gfp::Kernel | Gfp::Dma), ZoneType::Dma);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Zones, SpannedPresentManaged) {
  LimitedMemory memory(Topology::uma(5 * kGiB));
  const MemoryFigures figures = memory->figures();
  ASSERT_EQ(figures.zones.size(), 3u);
  EXPECT_EQ(zone(figures, ZoneType::Dma).present, 4096u);
  EXPECT_EQ(zone(figures, ZoneType::Dma).managed, 4095u) << "frame 0 is kept back";
  EXPECT_EQ(zone(figures, ZoneType::Normal).start, Gfn::of(kHoleEnd));
  for (const ZoneFigures &each : figures.zones) {
    EXPECT_GE(each.spanned, each.present);
    EXPECT_EQ(each.free, each.managed);
    EXPECT_EQ(each.fresh, each.managed);
    std::uint64_t listed = 0;
    for (unsigned order = 0; order <= kLargestOrder; ++order) listed += each.blocks(Order(order)) << order;
    EXPECT_EQ(listed, each.free);
  }
}

TEST(Zones, OrdinaryRequestsLeaveTheReserves) {
  LimitedMemory memory(Topology::uma(64 * kMiB));
  const std::uint64_t had = fill(*memory, kMovable);
  const MemoryFigures full = memory->figures();
  EXPECT_GT(had, (60 * kMiB) >> kPageShift) << "most of a small guest is usable";
  for (const ZoneFigures &each : full.zones) {
    EXPECT_GE(each.free, each.min + each.lowmem_reserve[unsigned(ZoneType::Movable)]) << name(each.type);
    EXPECT_GT(each.min, 0u);
  }
  // Those who cannot wait get half of what is left, the reclaimer all of it.
  EXPECT_FALSE(memory->allocate(kKernel).has_value() && full.zones[0].lowmem_reserve[2] == 0);
  Request atomic = kKernel;
  atomic.gfp = Gfp::Atomic;
  EXPECT_TRUE(memory->allocate(atomic));
  Request reclaimer = kKernel;
  reclaimer.gfp = Gfp::MemAlloc;
  const std::uint64_t left = memory->counters().free;
  EXPECT_EQ(fill(*memory, reclaimer), left);
  EXPECT_EQ(memory->counters().free, 0u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Zones, AGuestUsesNearlyAllOfItsMemory) {
  LimitedMemory memory(Topology::uma(256 * kMiB));
  EXPECT_GT(fill(*memory, kMovable), (250 * kMiB) >> kPageShift);
}

TEST(Zones, TheKernelChargeIsAFloor) {
  LimitedMemory memory(16 * kMiB);
  ASSERT_TRUE(memory->set_kernel_charge(1000));
  EXPECT_FALSE(memory->set_kernel_charge(5000)) << "more than is free";
  EXPECT_EQ(memory->counters().kernel_charge, 1000u);
  EXPECT_EQ(fill(*memory, kMovable), 4095u - 1000);
  std::vector<Gfn> more(10);
  EXPECT_EQ(memory->allocate_bulk(more, kMovable), 0u);
  ASSERT_TRUE(memory->set_kernel_charge(996));
  EXPECT_EQ(memory->allocate_bulk(more, kMovable), 4u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Nodes, FallBackByDistanceAndCountIt) {
  LimitedMemory memory(two_nodes(4 * kMiB));
  Request request = kMovable;
  request.preferred = 1;
  const Gfn first = *memory->allocate(request);
  EXPECT_EQ(memory->node_of(first), NodeId(1));
  EXPECT_EQ(fill(*memory, request, 1022), 1022u);
  EXPECT_EQ(memory->node_of(*memory->allocate(request)), NodeId(1)) << "the last one of the node";
  EXPECT_EQ(memory->node_of(*memory->allocate(request)), NodeId(0));
  request.gfp = request.gfp | Gfp::ThisNode;
  EXPECT_EQ(memory->allocate(request).error(), Error::OutOfMemory);
  const MemoryFigures figures = memory->figures();
  EXPECT_EQ(figures.nodes[1].numa_hit, 1024u);
  EXPECT_EQ(figures.nodes[0].numa_miss, 1u);
  EXPECT_EQ(figures.nodes[1].numa_foreign, 1u);
  EXPECT_EQ(figures.nodes[1].other_node, 1024u) << "the test runs on node 0";
  EXPECT_EQ(figures.nodes[0].local_node, 1u);
}

TEST(Nodes, OnlyTheAllowedOnes) {
  LimitedMemory memory(two_nodes(4 * kMiB));
  const NodeMask only_one = NodeMask::of(1);
  Request request = kMovable;
  request.allowed = &only_one;
  request.interleaved = true;
  EXPECT_EQ(fill(*memory, request), 1024u);
  EXPECT_EQ(memory->figures().nodes[0].managed, memory->figures().nodes[0].free);
  std::vector<Gfn> frames(4);
  EXPECT_EQ(memory->allocate_bulk(frames, request), 0u);
  request.preferred = 2;
  EXPECT_EQ(memory->allocate(request).error(), Error::Invalid) << "no such node";
}

TEST(Nodes, ZoneOrderSparesTheLowZones) {
  Topology topology = two_nodes(32 * kMiB);
  topology.zonelist_order = ZonelistOrder::Zone;
  LimitedMemory memory(topology);
  // Node 0 has DMA and DMA32 of 16 MiB each, node 1 DMA32 of 32 MiB.
  (void)fill(*memory, kMovable, 4096);
  EXPECT_EQ(memory->node_of(*memory->allocate(kMovable)), NodeId(1)) << "not yet DMA";
  (void)fill(*memory, kMovable, 8191);
  EXPECT_EQ(memory->zone_of(*memory->allocate(kMovable)), ZoneType::Dma);
}

TEST(Dma, AMaskFindsItsZone) {
  const Topology topology = Topology::uma(5 * kGiB);
  EXPECT_EQ(zone_for_mask(topology, ~0ull), ZoneType::Normal);
  EXPECT_EQ(zone_for_mask(topology, (1ull << 32) - 1), ZoneType::Dma32);
  EXPECT_EQ(zone_for_mask(topology, (1ull << 31) - 1), ZoneType::Dma);
  EXPECT_EQ(zone_for_mask(topology, (1ull << 24) - 1), ZoneType::Dma);
  EXPECT_EQ(zone_for_mask(topology, (1ull << 20) - 1), std::nullopt);
  EXPECT_EQ(zone_for_mask(Topology::uma(256 * kMiB), (1ull << 30) - 1), ZoneType::Normal) << "all of it is below";
  LimitedMemory memory(topology);
  for (unsigned bits : {64u, 32u, 31u, 24u}) {
    const std::uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    const Result<Gfn> block = allocate_dma(*memory, mask, 2, FrameKind::Kernel, 0);
    ASSERT_TRUE(block) << bits;
    EXPECT_LE((block->gpa() + (4 * kPageSize - 1)).value(), mask);
  }
  EXPECT_EQ(memory->zone_of(*allocate_dma(*memory, (1ull << 31) - 1, 0, FrameKind::Kernel, 0)), ZoneType::Dma32)
      << "DMA is spared while the zone above has what will do";
}

TEST(Ranges, OnlyFreePageblocksLeave) {
  LimitedMemory memory(16 * kMiB);
  const GfnRange range{Gfn(1024), Gfn(2048)};
  EXPECT_EQ(memory->isolate_range({Gfn(1), Gfn(512)}).error(), Error::Invalid);
  EXPECT_EQ(memory->isolate_range({Gfn(1 << 20), Gfn((1 << 20) + 512)}).error(), Error::Invalid);
  ASSERT_TRUE(memory->isolate_range(range));
  EXPECT_EQ(memory->isolate_range({Gfn(1536), Gfn(2560)}).error(), Error::Busy);
  EXPECT_EQ(memory->migratetype(Gfn(1024)), Migratetype::Isolate);
  EXPECT_EQ(memory->migratetype(Gfn(2048)), Migratetype::Movable);
  std::vector<Gfn> rest(4095);
  ASSERT_EQ(memory->allocate_bulk(rest, kMovable), 3071u);
  rest.resize(3071);
  EXPECT_TRUE(std::ranges::none_of(rest, [&](Gfn frame) { return range.contains(frame); }));
  EXPECT_EQ(memory->invariant(), "");
  ASSERT_TRUE(memory->offline_range(range));
  EXPECT_EQ(memory->counters().managed, 3071u);
  EXPECT_EQ(memory->frame(Gfn(1030)).kind, FrameKind::Reserved);
  EXPECT_EQ(memory->invariant(), "");
  EXPECT_EQ(memory->online_range({Gfn(0), Gfn(512)}).error(), Error::NotMapped);
  ASSERT_TRUE(memory->online_range(range));
  EXPECT_EQ(memory->counters().free, 1024u);
  memory->put_all(rest);
  EXPECT_EQ(memory->counters().free_blocks[10], 3u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Ranges, OneUsedFrameIsBusy) {
  LimitedMemory memory(16 * kMiB);
  const Gfn frame = *memory->allocate(kMovable);
  const Gfn begin(frame.number() & ~(kPageblockFrames - 1));
  ASSERT_TRUE(memory->isolate_range({begin, begin + 512}));
  EXPECT_EQ(memory->offline_range({begin, begin + 512}).error(), Error::Busy);
  memory->put(frame); // goes to the isolated block, not to a per-CPU list
  EXPECT_TRUE(memory->offline_range({begin, begin + 512}));
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Ranges, ARangeIsHadInOnePiece) {
  LimitedMemory memory(16 * kMiB);
  const GfnRange range{Gfn(512), Gfn(2560)};
  ASSERT_TRUE(memory->allocate_range(range, FrameKind::Kernel, 5));
  EXPECT_EQ(memory.in_use(), 2048u);
  EXPECT_EQ(memory->frame(Gfn(2559)).owner, 5u);
  EXPECT_EQ(memory->allocate_range(range, FrameKind::Kernel, 5).error(), Error::Busy);
  EXPECT_EQ(memory->migratetype(Gfn(512)), Migratetype::Movable);
  EXPECT_EQ(memory->invariant(), "");
  for (Gfn at = range.begin; at < range.end; at = at + 1) memory->put(at);
  EXPECT_EQ(memory.in_use(), 0u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Devices, KeepTheirContentsAndAreNeverHandedOut) {
  Topology topology = Topology::without_reserves(4 * kMiB);
  topology.device_bytes = 4 * kMiB;
  LimitedMemory memory(topology);
  const GpaRange device{Gpa(4 * kMiB), Gpa(6 * kMiB)};
  EXPECT_FALSE(memory->is_ram(Gfn(1024)));
  memory->host(Gfn(1024))[0] = std::byte{42};
  EXPECT_EQ(memory->add_device({Gpa(0), Gpa(kPageSize)}).error(), Error::Invalid);
  ASSERT_TRUE(memory->add_device(device));
  EXPECT_EQ(memory->add_device(device).error(), Error::Exists);
  EXPECT_TRUE(memory->is_ram(Gfn(1024)));
  EXPECT_EQ(memory->zone_of(Gfn(1024)), ZoneType::Device);
  EXPECT_EQ(fill(*memory, kMovable), 1023u);
  memory->get(Gfn(1024));
  EXPECT_EQ(memory->remove_device(device).error(), Error::Busy);
  memory->put(Gfn(1024));
  memory->put(Gfn(1024)); // the device's own
  EXPECT_EQ(memory->counters().refused_frees, 1u);
  EXPECT_EQ(memory->host(Gfn(1024))[0], std::byte{42});
  EXPECT_EQ(memory->counters().by_kind[unsigned(FrameKind::Device)], 512u);
  EXPECT_TRUE(memory->remove_device(device));
  EXPECT_FALSE(memory->is_ram(Gfn(1024)));
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Reports, EachFreeBlockOnce) {
  struct Recorder final : FreeBlockReporter {
    void report(GfnRange block) override {
      blocks.push_back(block);
      inside = memory->allocate(kMovable).has_value();
    }
    PhysicalMemory *memory = nullptr;
    std::vector<GfnRange> blocks;
    bool inside = false;
  } recorder;
  LimitedMemory memory(16 * kMiB);
  recorder.memory = &*memory;
  std::vector<Gfn> all(4095);
  ASSERT_EQ(memory->allocate_bulk(all, kMovable), 4095u);
  memory->put_all(all);
  const std::size_t reported = memory->report_free_blocks(recorder, 10, 100);
  EXPECT_EQ(reported, 3u);
  EXPECT_TRUE(recorder.inside) << "others go on meanwhile";
  EXPECT_EQ(memory->report_free_blocks(recorder, 10, 100), 0u) << "known by now";
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Pressure, IsAskedInTurn) {
  struct Handler final : PressureHandler {
    void wake_background(NodeId, const Request &) override { ++woken; }
    std::uint64_t reclaim(const Request &) override {
      ++asked;
      if (held.empty()) return 0;
      memory->put(held.back());
      held.pop_back();
      return 1;
    }
    PhysicalMemory *memory = nullptr;
    std::vector<Gfn> held;
    int woken = 0, asked = 0;
  } handler;
  LimitedMemory memory(4 * kMiB);
  handler.memory = &*memory;
  while (const Result<Gfn> frame = memory->allocate(kMovable)) handler.held.push_back(*frame);
  (void)memory->drain();
  memory->set_pressure_handler(&handler);
  EXPECT_TRUE(memory->allocate(kMovable)) << "reclaim found one";
  EXPECT_GE(handler.woken, 1);
  EXPECT_EQ(handler.asked, 1);
  Request cannot_wait = kMovable;
  cannot_wait.gfp = Gfp::Atomic | Gfp::HighMem | Gfp::Movable;
  EXPECT_FALSE(memory->allocate(cannot_wait));
  EXPECT_EQ(handler.asked, 1);
  memory->set_pressure_handler(nullptr);
}

TEST(Mobility, PageTablesStayTogether) {
  LimitedMemory memory(64 * kMiB);
  std::vector<Gfn> movable, tables;
  for (int i = 0; i < 4000; ++i) {
    movable.push_back(*memory->allocate(kMovable));
    if (i % 8 == 0) tables.push_back(*memory->allocate(0, FrameKind::Table, 0));
  }
  for (Gfn table : tables) EXPECT_EQ(memory->migratetype(table), Migratetype::Unmovable);
  for (Gfn frame : movable) memory->put(frame);
  (void)memory->drain();
  std::uint64_t whole = 0;
  memory->for_each_pageblock([&](const PageblockFigures &block) {
    if (block.free == kPageblockFrames && block.whole >= kPageblockOrder) ++whole;
  });
  EXPECT_GE(whole, 29u) << "five hundred page tables spoil one or two of 32 pageblocks";
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Mobility, HighAtomicBlocksAreKeptBackAndGivenUp) {
  LimitedMemory memory(Topology::uma(64 * kMiB));
  const Request urgent{.gfp = Gfp::Atomic, .order = 2, .kind = FrameKind::Kernel, .preferred = 0};
  const Gfn block = *memory->allocate(urgent);
  EXPECT_EQ(memory->migratetype(block), Migratetype::HighAtomic);
  const MemoryFigures figures = memory->figures();
  EXPECT_EQ(zone(figures, ZoneType::Dma32).pageblocks[unsigned(Migratetype::HighAtomic)], 1u);
  (void)fill(*memory, kMovable);
  EXPECT_NE(memory->migratetype(block), Migratetype::HighAtomic) << "rather than run out of memory";
  EXPECT_EQ(memory->invariant(), "");
}

} // namespace
} // namespace pagoda::phys
