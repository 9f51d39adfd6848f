// Moving pages between nodes: a new frame, a copy, and the leaf led there (Linux, mm/migrate.c as
// behaviour).
//
// While the mutex is held a leaf without rights keeps everybody out: a processor that touches the page
// faults and waits for the mutex, and the host pins pages under the mutex only. So once the flush is
// done, nobody writes to the old frame, and the copy is the page.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "mmu/space/policy_pages.hpp"
#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

struct Space::Movers {
  // One flush serves this many, and the mutex is held for as many copies.
  static constexpr std::size_t kMost = 64;
  struct Page {
    Gva gva;
    Gfn from, to;
    Prot prot;
  };
  std::array<Page, kMost> pages;
  std::size_t count = 0;
  Migration result;
};

namespace {

// A page of the space's own that nothing else maps, and nobody has pinned.
bool movable(const phys::PhysicalMemory &memory, const Vma &area, Gfn frame) {
  if (area.object || area.fixed_frames || !memory.is_ram(frame)) return false;
  return memory.frame(frame).refs.load(std::memory_order_acquire) == 1;
}

std::optional<Gfn> new_frame(phys::PhysicalMemory &memory, const Vma &area, Gva gva, const Mempolicy &policy,
                             phys::Owner owner) {
  phys::Request request;
  request.kind = area.file ? phys::FrameKind::File : phys::FrameKind::Anonymous;
  request.gfp = (phys::Gfp::HighUserMovable & ~phys::Gfp::DirectReclaim) | phys::Gfp::NoWarn; // the mutex is held
  request.owner = owner;
  const std::uint64_t number = area.page_number(gva);
  Gfn frame;
  if (allocate_under(memory, policy, std::span(&number, 1), std::span(&frame, 1), request) == 0) return std::nullopt;
  return frame;
}

} // namespace

// Looks at a few leaves; returns where the next look begins.
Gva Space::choose_movers(GvaRange range, const Destination &destination, Movers &movers) {
  Gva next = range.end;
  std::array<std::pair<Gva, Gfn>, Movers::kMost> leaves;
  std::size_t count = 0;
  table_.for_each_until(range, [&](Gva gva, const table::Mapping &leaf) {
    if (count == leaves.size()) {
      next = gva;
      return false;
    }
    leaves[count++] = {gva, leaf.frame};
    return true;
  });
  for (const auto &[gva, from] : std::span(leaves).first(count)) {
    const Vma &area = *areas_.find(gva);
    const phys::NodeId node = node_at(memory_, from);
    const auto policy = destination(area, gva, node);
    if (!policy) continue;
    const auto to = movable(memory_, area, from) ? new_frame(memory_, area, gva, *policy, owner_) : std::nullopt;
    if (!to)
      ++movers.result.failed;
    else if (node_at(memory_, *to) == node)
      memory_.put(*to); // no better place was to be had
    else
      movers.pages[movers.count++] = {gva, from, *to, area.leaf_prot()};
  }
  return next;
}

void Space::move_pages(Movers &movers) {
  const std::span pages(movers.pages.data(), movers.count);
  Batch batch;
  for (const Movers::Page &page : pages) table_.protect({page.gva, page.gva + kPageSize}, Prot::None, batch);
  finish(std::move(batch));
  for (const Movers::Page &page : pages) {
    std::memcpy(memory_.host(page.to), memory_.host(page.from), kPageSize);
    // A leaf that could not be led keeps its frame, and gets its rights back at the next fault.
    const bool led = table_.relocate(page.gva, page.to, page.prot).has_value();
    memory_.put(led ? page.from : page.to);
    ++(led ? movers.result.moved : movers.result.failed);
  }
}

Migration Space::migrate(GvaRange range, const Destination &destination) {
  range.end = std::min(range.end, user_end_);
  Migration sum;
  while (range.begin < range.end) {
    Movers movers;
    const LockGuard guard(mutex);
    range.begin = choose_movers(range, destination, movers);
    move_pages(movers);
    sum.moved += movers.result.moved;
    sum.failed += movers.result.failed;
  }
  return sum;
}

} // namespace pagoda::space
