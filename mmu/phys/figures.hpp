// Snapshots of the physical memory for reports: /proc, the control socket and pictures are made from
// these and nothing else. Frames, unless the name says otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/phys/frame_kind.hpp"
#include "mmu/phys/migratetype.hpp"
#include "mmu/phys/node_id.hpp"
#include "mmu/phys/order.hpp"
#include "mmu/phys/zone_type.hpp"

namespace pagoda::phys {

// Since creation, over all zones.
struct Counters {
  std::uint64_t managed = 0;
  std::uint64_t free = 0; // in the buddy or on a per-CPU list
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  std::uint64_t failures = 0;                       // allocations refused
  std::uint64_t refused_frees = 0;                  // double, wild or wrong frees, refused
  std::array<std::uint64_t, kFrameKinds> by_kind{}; // frames now in each kind
  // Free blocks of each order; single frames on per-CPU lists count as order 0, and blocks of higher
  // orders as several of the highest here.
  std::array<std::uint64_t, kMaxOrder + 1> free_blocks{};
  std::uint64_t kernel_charge = 0; // frames kept free for the manager's own memory
};

struct PerCpuFigures {
  unsigned slot = 0; // which CPU slot
  std::uint32_t count = 0;
  std::uint32_t high = 0; // above this many a batch goes back
  std::uint32_t batch = 0;
  std::array<std::uint32_t, kMobilities> by_migratetype{};
};

using BlocksByOrder = std::array<std::uint64_t, kLargestOrder + 1>;

struct ZoneFigures {
  NodeId node = 0;
  ZoneType type = ZoneType::Normal;
  Gfn start;
  std::uint64_t spanned = 0; // from its first frame to its last, holes included
  std::uint64_t present = 0; // without the holes
  std::uint64_t managed = 0; // without what was reserved: the buddy's
  std::uint64_t free = 0;    // in the buddy: neither per-CPU nor isolated frames
  std::uint64_t fresh = 0;   // of those, never touched yet
  std::uint64_t min = 0, low = 0, high = 0;
  std::array<std::uint64_t, kZoneTypes> lowmem_reserve{}; // against requests whose highest zone is that
  Order max_order = kMaxOrder;
  std::array<BlocksByOrder, kMigratetypes> free_blocks{}; // the buddy's lists
  std::array<std::uint64_t, kMigratetypes> pageblocks{};  // by their migratetype
  std::array<std::uint64_t, kFrameKinds> by_kind{};       // NR_*: frames now in each kind
  std::uint64_t isolated = 0;                             // free frames that are not handed out
  std::uint64_t high_atomic = 0;                          // frames of pageblocks kept back
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  std::uint64_t per_cpu_frames = 0;
  std::vector<PerCpuFigures> per_cpu;
  // How often a request took from another migratetype's pageblocks: the whole block or just frames.
  std::uint64_t claims = 0;
  std::uint64_t steals = 0;

  [[nodiscard]] std::uint64_t blocks(Order order) const {
    std::uint64_t sum = 0;
    for (const BlocksByOrder &of_type : free_blocks) sum += of_type[order];
    return sum;
  }
};

struct NodeFigures {
  NodeId node = 0;
  std::uint64_t present = 0;
  std::uint64_t managed = 0;
  std::uint64_t free = 0; // per-CPU lists included
  std::array<std::uint64_t, kFrameKinds> by_kind{};
  std::vector<unsigned> cpus;
  std::vector<std::uint8_t> distances;
  // numastat(8): frames had here as wanted; had here though wanted elsewhere; wanted here but had
  // elsewhere; had here as interleaving wanted; had by a CPU of this node, or of another.
  std::uint64_t numa_hit = 0, numa_miss = 0, numa_foreign = 0;
  std::uint64_t interleave_hit = 0, local_node = 0, other_node = 0;
};

struct MemoryFigures {
  Counters counters;
  std::vector<NodeFigures> nodes;
  std::vector<ZoneFigures> zones; // nodes in order, zones from DMA up; only those with frames
};

// One pageblock, for a picture.
struct PageblockFigures {
  Gfn first;
  NodeId node = 0;
  ZoneType zone = ZoneType::Normal;
  Migratetype migratetype = Migratetype::Movable;
  std::uint16_t present = 0; // frames of it that the zone manages
  std::uint16_t free = 0;    // in the buddy
  // Free blocks by order inside it. A free block of several pageblocks shows in each of them as order 9.
  std::array<std::uint16_t, kPageblockOrder + 1> free_blocks{};
  Order whole = 0; // order of the free block that this pageblock lies in, when that is 9 or more
};

} // namespace pagoda::phys
