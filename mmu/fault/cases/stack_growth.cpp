// Linux's expand_stack as behaviour: a MAP_GROWSDOWN area is extended to the page that was touched
// unless that exceeds RLIMIT_STACK or RLIMIT_AS or comes within stack_guard_gap of the area below.
#include "mmu/fault/cases/cases.hpp"
#include "mmu/fault/space_access.hpp"

namespace pagoda::fault {

namespace {

using Access = space::SpaceFaultAccess;

bool guard_is_clear(const space::Vma *below, Gva begin) {
  if (below == nullptr) return true;
  if (begin < below->range.end) return false;
  // Neither another stack nor a page without rights can be run into by mistake.
  if (below->grows_down || !any(below->prot)) return true;
  return space::kStackGuardPages * kPageSize <= begin - below->range.end;
}

bool may_begin_at(space::Space &space, const space::Vma &stack, Gva begin) PAGODA_REQUIRES(space.mutex) {
  if (begin < space::kUserBegin || stack.range.end - begin > Access::limits(space).stack) return false;
  if (!guard_is_clear(Access::areas(space).below(stack.range.begin), begin)) return false;
  return Access::admits(space, stack, stack.range.begin - begin);
}

} // namespace

Case grow_stack(space::Space &space, Gva page) {
  const space::Vma *stack = Access::areas(space).find_at_or_above(page);
  if (stack == nullptr || !stack->grows_down) return Case::NoArea;
  // A whole window at once where it fits, so that deep recursion does not fault for every page.
  const Gva window(page.value() & ~(kFaultAround * kPageSize - 1));
  for (const Gva begin : {window, page}) {
    if (!may_begin_at(space, *stack, begin)) continue;
    Access::grow_down(space, stack->range.begin, begin);
    return Case::StackGrowth;
  }
  return Case::Guard;
}

} // namespace pagoda::fault
