// fork(2), by plain copy: every private page of the parent becomes a page of the child at once.
//
// The child's areas and pages are made while only this function knows it, so on any failure it is
// simply dropped, and takes everything back with it. Reading frames needs no fallible path: they are
// resident and the parent's mutex keeps them mapped.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "mmu/space/policy_pages.hpp"
#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

namespace {

struct Page {
  Gva gva;
  Gfn frame;
};

// Frames are taken this many at a time: adjacent ones are cheap to have, few are held unmapped.
constexpr std::size_t kChunk = 64;

// Length of the run of neighbouring pages that opens `pages`.
std::size_t neighbours(std::span<const Page> pages) {
  std::size_t run = 1;
  while (run < pages.size() && pages[run].gva == pages[0].gva + run * kPageSize) ++run;
  return run;
}

void copy_page(phys::PhysicalMemory &memory, Gfn from, Gfn to) {
  std::memcpy(memory.host(to), memory.host(from), kPageSize);
}

} // namespace

Result<> Space::copy_area(const Vma &area, Space &child) const {
  if (area.object || (area.wipe_on_fork && area.private_anonymous())) return {};
  std::vector<Page> pages;
  table_.for_each(area.range, [&](Gva gva, const table::Mapping &leaf) { pages.push_back({gva, leaf.frame}); });

  std::span<const Page> left(pages);
  std::array<Gfn, kChunk> frames;
  while (!left.empty()) {
    const auto run = left.first(neighbours(left.first(std::min(left.size(), kChunk))));
    const std::span<Gfn> copies(frames.data(), run.size());
    std::size_t had = run.size();
    if (area.fixed_frames) {
      for (std::size_t i = 0; i < run.size(); ++i) copies[i] = run[i].frame;
    } else {
      phys::Request request;
      request.kind = area.file ? phys::FrameKind::File : phys::FrameKind::Anonymous;
      request.gfp = phys::Gfp::HighUserMovable;
      request.owner = child.owner_;
      std::array<std::uint64_t, kChunk> numbers;
      for (std::size_t i = 0; i < run.size(); ++i) numbers[i] = area.page_number(run[i].gva);
      had = allocate_under(memory_, area.policy, std::span(numbers).first(run.size()), copies, request);
      for (std::size_t i = 0; i < had; ++i) copy_page(memory_, run[i].frame, copies[i]);
    }
    Result<std::size_t> mapped = unexpected(Error::OutOfMemory);
    if (had == run.size())
      mapped = child.table_.map_run(run[0].gva, copies, {area.leaf_prot(), table::Use::Written}, [](Gva, Gfn) {});
    if (!mapped) {
      for (std::size_t i = 0; i < had && !area.fixed_frames; ++i) memory_.put(copies[i]);
      return unexpected(mapped.error());
    }
    if (!area.fixed_frames) child.count(area, *mapped);
    left = left.subspan(run.size());
  }
  return {};
}

Result<std::shared_ptr<Space>> Space::fork(phys::Owner owner) const {
  auto child = create(memory_, invalidator_, kernel_half_, owner, kernel_);
  if (!child) return child;
  Result<> copied;
  {
    const LockGuard guard(mutex);
    const LockGuard child_guard((*child)->mutex);
    (*child)->limits_ = limits_;
    (*child)->mmap_top_ = mmap_top_;
    (*child)->break_start_ = break_start_;
    (*child)->break_ = break_;
    for (const auto &[begin, area] : areas_) {
      if (area.dont_fork) continue;
      (*child)->insert(area);
      copied = copy_area(area, **child);
      if (!copied) break;
    }
  }
  if (!copied) return unexpected(copied.error());
  return child;
}

} // namespace pagoda::space
