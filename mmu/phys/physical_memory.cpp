#include "mmu/phys/physical_memory.hpp"

#include <algorithm>
#include <bit>

#include "mmu/base/broken.hpp"

namespace pagoda::phys {

namespace {

const Frame kForeign{.kind = FrameKind::Reserved};

// How many frames the per-CPU lists of a zone may hold (Linux, zone_batchsize and zone_highsize).
PerCpuLimits limits_for(std::uint64_t managed, std::uint64_t low, std::size_t cpus) {
  constexpr std::uint64_t kMiBFrames = (1ull << 20) >> kPageShift;
  PerCpuLimits limits;
  const std::uint64_t share = std::max<std::uint64_t>(std::min(managed >> 10, kMiBFrames) / 4, 1);
  limits.batch = std::uint32_t(std::min<std::uint64_t>(std::bit_floor(share + share / 2), kLargestBatch));
  const std::uint64_t users = std::max<std::size_t>(cpus, 1);
  const std::uint64_t most = std::min<std::uint64_t>(kPerCpuCapacity - kLargestBatch, managed / 8 / users + 1);
  limits.high_min = std::uint32_t(std::min(std::max<std::uint64_t>(low / users, limits.batch * 4ull), most));
  limits.high_max = std::uint32_t(most);
  return limits;
}

} // namespace

PhysicalMemory::PhysicalMemory(const Layout &layout, std::byte *base)
    : PhysicalMemory(Topology::without_reserves(layout.ranges[0].length() + layout.ranges[1].length()), base) {}

PhysicalMemory::PhysicalMemory(Topology topology, std::byte *base)
    : topology_(std::move(topology)), layout_(topology_.ram()), base_(base),
      frame_count_(Gfn::of(topology_.end()).number()), ram_end_(Gfn::of(layout_.end()).number()), frames_(frame_count_),
      pageblocks_((frame_count_ + kPageblockFrames - 1) >> kPageblockOrder) {
  add_zones();
  set_watermarks();
  zonelists_.emplace(topology_, zones_);
}

PhysicalMemory::~PhysicalMemory() = default;

void PhysicalMemory::add_zones() {
  // What firmware would say of the machine, and what must not be handed out.
  Memblock boot;
  for (const GpaRange &range : layout_.ranges)
    if (!range.empty() && !boot.add(range)) broken("the ranges of memory overlap");
  boot.reserve({Gpa(0), Gpa(kPageSize)});
  const std::vector<GpaRange> reserved = boot.reserved();

  const BuddyOptions options{topology_.max_order, topology_.group_by_mobility};
  for (const ZoneSpan &span : zone_spans(topology_)) {
    auto zone = std::make_unique<Zone>(span, std::uint8_t(zones_.size()), frames_.data(), pageblocks_.span(), options);
    for (const GfnRange &range : span.frames)
      for (const GfnRange &free : boot.hand_over(range)) zone->add(free);
    zones_.push_back(std::move(zone));
  }
  for (const GpaRange &range : reserved) {
    for (Gfn at = Gfn::of(range.begin); at < Gfn::of(range.end); at = at + 1) {
      frames_[at.number()].kind = FrameKind::Reserved;
      ++reserved_;
    }
  }
  if (topology_.device_bytes == 0) return;
  const GpaRange room = topology_.device_room();
  const ZoneSpan span{0, ZoneType::Device, {{Gfn::of(room.begin), Gfn::of(room.end)}}};
  zones_.push_back(
      std::make_unique<Zone>(span, std::uint8_t(zones_.size()), frames_.data(), pageblocks_.span(), options));
}

void PhysicalMemory::set_watermarks() {
  std::vector<ZoneSize> sizes;
  sizes.reserve(zones_.size());
  for (const auto &zone : zones_) sizes.push_back({zone->node(), zone->type(), zone->managed()});
  std::vector<Watermarks> marks(sizes.size());
  compute_watermarks(topology_, sizes, marks);
  std::size_t cpus = 0;
  for (const NodeSpec &node : topology_.nodes) cpus += node.cpus.size();
  for (std::size_t i = 0; i < zones_.size(); ++i)
    zones_[i]->set_watermarks(marks[i], limits_for(sizes[i].managed, marks[i].low, cpus));
}

// --- descriptors

bool PhysicalMemory::is_device(Gfn gfn) const {
  const std::uint64_t number = gfn.number();
  return number < device_end_.load(std::memory_order_acquire) && frames_[number].kind == FrameKind::Device;
}

const Frame &PhysicalMemory::frame(Gfn gfn) const {
  return is_ram(gfn) ? frames_[frames_[gfn.number()].block == BlockState::Loose ? head_of(gfn).number() : gfn.number()]
                     : kForeign;
}

Gfn PhysicalMemory::head_of(Gfn gfn) const {
  if (!is_ram(gfn)) return gfn;
  const Frame &frame = frames_[gfn.number()];
  if (frame.block == BlockState::Tail) return Gfn(frame.head);
  if (frame.block == BlockState::Head) return gfn;
  const std::uint32_t cover = pageblocks_[gfn.number() >> kPageblockOrder].cover.load(std::memory_order_relaxed);
  return cover == 0 ? gfn : Gfn((std::uint64_t{cover} - 1) << kPageblockOrder);
}

bool PhysicalMemory::set_flag(Gfn gfn, FrameFlag flag) {
  if (!is_ram(gfn)) return false;
  Frame &frame = frames_[gfn.number()];
  FrameFlags now = frame.flags.load(std::memory_order_relaxed);
  while (may_set(frame.kind, now, flag))
    if (frame.flags.compare_exchange_weak(now, now | bit(flag), std::memory_order_acq_rel)) return true;
  return false;
}

bool PhysicalMemory::clear_flag(Gfn gfn, FrameFlag flag) {
  if (!is_ram(gfn)) return false;
  Frame &frame = frames_[gfn.number()];
  FrameFlags now = frame.flags.load(std::memory_order_relaxed);
  while (may_clear(now, flag))
    if (frame.flags.compare_exchange_weak(now, now & ~bit(flag), std::memory_order_acq_rel)) return true;
  return false;
}

Zone *PhysicalMemory::find_zone(Gfn frame) const {
  if (!is_ram(frame)) return nullptr;
  for (const auto &zone : zones_)
    if (zone->span().contains(frame)) return zone.get();
  return nullptr;
}

Migratetype PhysicalMemory::migratetype(Gfn frame) const {
  return is_ram(frame) ? pageblocks_[frame.number() >> kPageblockOrder].type() : Migratetype::Isolate;
}

std::optional<NodeId> PhysicalMemory::node_of(Gfn frame) const {
  const Zone *zone = find_zone(frame);
  return zone == nullptr ? std::nullopt : std::optional(zone->node());
}

std::optional<ZoneType> PhysicalMemory::zone_of(Gfn frame) const {
  const Zone *zone = find_zone(frame);
  return zone == nullptr ? std::nullopt : std::optional(zone->type());
}

// --- reserves

bool PhysicalMemory::set_kernel_charge(std::uint64_t frames) {
  std::uint64_t free = 0;
  for (const auto &zone : zones_)
    if (bears_charge(*zone)) free += zone->free_frames() + zone->per_cpu_frames();
  if (frames > charge_.load(std::memory_order_relaxed) && frames > free) return false;
  charge_.store(frames, std::memory_order_relaxed);
  return true;
}

std::uint64_t PhysicalMemory::drain() {
  std::uint64_t drained = 0;
  for (const auto &zone : zones_) drained += zone->drain();
  return drained;
}

} // namespace pagoda::phys
