// Where the pages of a shared object come from.
#include "mmu/space/policy_pages.hpp"
#include "mmu/space/shared_object.hpp"

namespace pagoda::space {

namespace {

// Frames of an object belong to no space.
constexpr phys::Owner kNoOwner = 0;

} // namespace

Result<> SharedObject::set_policy(std::uint64_t begin, std::uint64_t end, const Mempolicy &policy) {
  if (store_) return {};
  const LockGuard guard(mutex_);
  return policies_.set(begin, end, policy);
}

Mempolicy SharedObject::policy_at(std::uint64_t offset) const {
  const LockGuard guard(mutex_);
  return policies_.at(offset);
}

std::size_t SharedObject::allocate(std::span<const std::uint64_t> numbers, std::span<Gfn> out) {
  phys::Request request;
  request.kind = store_ ? phys::FrameKind::File : phys::FrameKind::Anonymous;
  request.gfp = phys::Gfp::HighUserMovable | (store_ ? phys::Gfp::None : phys::Gfp::Zero);
  request.owner = kNoOwner;
  std::size_t done = 0;
  while (done < numbers.size()) {
    const Mempolicy policy = policy_at(numbers[done] << kPageShift);
    std::size_t end = done + 1;
    while (end < numbers.size() && policy_at(numbers[end] << kPageShift) == policy) ++end;
    const std::size_t had =
        allocate_under(memory_, policy, numbers.subspan(done, end - done), out.subspan(done, end - done), request);
    done += had;
    if (done < end) break;
  }
  return done;
}

} // namespace pagoda::space
