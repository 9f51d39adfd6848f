// The machine that a guest's memory stands for: nodes with sizes, CPUs and distances, the layout of its
// physical addresses and the knobs of its reserves.
//
// Guest-physical addresses: RAM from 0 to 3 GiB, the hole of devices, RAM again from 4 GiB. Nodes
// follow each other through it in their order, each beginning at a pageblock. The movable part is the
// end of each node. Room for DEVICE memory lies behind the RAM.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/phys/node_id.hpp"
#include "mmu/phys/order.hpp"
#include "mmu/phys/zone_type.hpp"

namespace pagoda::phys {

inline constexpr Gpa kHoleBegin{3ull << 30};
inline constexpr Gpa kHoleEnd{4ull << 30};
inline constexpr Gpa kDmaEnd{16ull << 20};
inline constexpr Gpa kDma32End{4ull << 30};
inline constexpr Gpa kDirectMapEnd{896ull << 20}; // of the 32-bit layout

// More is refused by rounding down: frame numbers of links are 32 bits.
inline constexpr std::uint64_t kMaxMemory = 8ull << 40;

// The RAM ranges of a guest of `bytes`, rounded down to frames: one, or two around the hole.
struct Layout {
  explicit Layout(std::uint64_t bytes);
  std::array<GpaRange, 2> ranges; // the second is empty for small guests
  [[nodiscard]] Gpa end() const;
};

enum class LayoutKind : std::uint8_t {
  Flat64,  // DMA, DMA32, NORMAL, MOVABLE
  Split32, // DMA, NORMAL up to 896 MiB, HIGHMEM, MOVABLE
  Arena,   // NORMAL alone: memory that no device and no guest addresses
};

enum class ZonelistOrder : std::uint8_t {
  Node, // every zone of the nearest node, then the next node
  Zone, // the highest zone of every node, then the next zone
};

inline constexpr std::uint8_t kLocalDistance = 10;
inline constexpr std::uint8_t kRemoteDistance = 20;

struct NodeSpec {
  std::uint64_t bytes = 0;             // 0: a node of CPUs without memory
  std::vector<unsigned> cpus;          // the guest's CPU numbers
  std::vector<std::uint8_t> distances; // to every node, itself included (SLIT); empty: 10 and 20
};

struct Topology {
  std::vector<NodeSpec> nodes;
  std::uint64_t movable_bytes = 0; // spread over the nodes
  std::uint64_t device_bytes = 0;  // address room behind the RAM for DEVICE memory
  LayoutKind layout = LayoutKind::Flat64;
  ZonelistOrder zonelist_order = ZonelistOrder::Node;
  Order max_order = kMaxOrder;
  // Kept free for those who cannot wait. Nothing: by Linux's formula from the size of the memory.
  std::optional<std::uint64_t> min_free_kbytes;
  unsigned watermark_scale_factor = 10; // low and high lie this many 10000ths of a zone above min
  // A zone keeps 1/ratio of the zones above it for those who can use no other; 0 keeps nothing.
  std::array<unsigned, kZoneTypes> lowmem_reserve_ratio{256, 256, 32, 0, 0, 0};
  bool group_by_mobility = true; // false: migratetypes are ignored

  // One node with CPUs 0 to cpus - 1.
  [[nodiscard]] static Topology uma(std::uint64_t bytes, unsigned cpus = 1);
  // The same without reserves: every frame can be had by everybody.
  [[nodiscard]] static Topology without_reserves(std::uint64_t bytes);

  [[nodiscard]] std::uint64_t bytes() const; // of all nodes, saturating
  [[nodiscard]] std::uint8_t distance(NodeId from, NodeId to) const;
  // The node of a CPU; 0 when none names it.
  [[nodiscard]] NodeId node_of_cpu(unsigned cpu) const;
  // Where the RAM lies.
  [[nodiscard]] Layout ram() const { return Layout(bytes()); }
  // Room for DEVICE memory: begins at a pageblock.
  [[nodiscard]] GpaRange device_room() const;
  // The end of all of it: what a backing must cover.
  [[nodiscard]] Gpa end() const;
  // Empty, or what is wrong with it, in words for the person who asked for it.
  [[nodiscard]] std::string problem() const;
};

// The part of a node in one zone: up to two ranges of frames, around the hole.
struct ZoneSpan {
  NodeId node = 0;
  ZoneType type = ZoneType::Normal;
  std::vector<GfnRange> frames; // in order, none empty; at least one
};

// Every zone that has frames, nodes in order and zones from DMA up. The topology has no problem.
[[nodiscard]] std::vector<ZoneSpan> zone_spans(const Topology &topology);

} // namespace pagoda::phys
