#include "mmu/space/policy_pages.hpp"
#include "mmu/space/shared_object.hpp"

namespace pagoda::space {

std::vector<std::pair<std::uint64_t, Gfn>> SharedObject::pin_pages() const {
  const LockGuard guard(mutex_);
  std::vector<std::pair<std::uint64_t, Gfn>> pages;
  pages.reserve(pages_.size());
  for (const auto &[offset, frame] : pages_) {
    memory_.get(frame);
    pages.emplace_back(offset, frame);
  }
  return pages;
}

std::array<std::uint64_t, phys::kMaxNodes> SharedObject::resident_by_node() const {
  std::array<std::uint64_t, phys::kMaxNodes> pages{};
  const LockGuard guard(mutex_);
  for (const auto &[offset, frame] : pages_) ++pages[node_at(memory_, frame) % phys::kMaxNodes];
  return pages;
}

} // namespace pagoda::space
