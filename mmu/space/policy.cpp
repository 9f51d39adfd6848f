// Memory policies of areas and of the objects behind them.
#include "mmu/space/space.hpp"

namespace pagoda::space {

namespace {

// Memory without a file that several spaces may map: its policy is the object's.
bool policy_in_object(const Vma &area) { return area.object != nullptr && area.file == nullptr; }

Result<> tell_object(const Vma &area, GvaRange part, const Mempolicy &policy) {
  if (!policy_in_object(area)) return {};
  const std::uint64_t begin = area.offset_of(part.begin);
  return area.object->set_policy(begin, begin + part.length(), policy);
}

} // namespace

Result<> Space::set_policy(GvaRange range, const Mempolicy &policy) {
  const LockGuard guard(mutex);
  const bool there = policy.is_default() ? areas_.overlaps(range) : areas_.covers(range);
  if (!there) return unexpected(Error::NotMapped);
  if (const auto room = can_split(); !room) return room;
  Result<> told;
  areas_.for_each(range, [&](const Vma &area) {
    if (told) told = tell_object(area, VmaTree::clip(area, range), policy);
  });
  if (!told) return told;
  areas_.update(range, [&](Vma &area) { area.policy = policy; });
  return {};
}

Result<> Space::set_home_node(GvaRange range, phys::NodeId node) {
  const LockGuard guard(mutex);
  if (const auto room = can_split(); !room) return room;
  Result<> verdict = unexpected(Error::NotMapped);
  Gva done = range.begin; // areas below it get the node
  areas_.for_each(range, [&](const Vma &area) {
    const bool stopped = !verdict && verdict.error() != Error::NotMapped;
    if (stopped || area.policy.is_default()) return;
    const auto with_home = area.policy.with_home(node);
    verdict = with_home ? tell_object(area, VmaTree::clip(area, range), *with_home) : unexpected(with_home.error());
    if (verdict) done = VmaTree::clip(area, range).end;
  });
  areas_.update({range.begin, done}, [&](Vma &area) {
    if (const auto with_home = area.policy.with_home(node)) area.policy = *with_home;
  });
  return verdict;
}

Result<Mempolicy> Space::policy_at(Gva gva) const {
  const LockGuard guard(mutex);
  const Vma *area = areas_.find(gva);
  if (area == nullptr) return unexpected(Error::NotMapped);
  return policy_in_object(*area) ? area->object->policy_at(area->offset_of(gva)) : area->policy;
}

} // namespace pagoda::space
