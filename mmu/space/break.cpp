// The program break. brk(2): it moves to the byte, memory follows by the page.
#include <vector>

#include "mmu/space/space.hpp"

namespace pagoda::space {

void Space::set_break_start(Gva start) {
  const LockGuard guard(mutex);
  break_start_ = break_ = start;
}

Gva Space::current_break() const {
  const LockGuard guard(mutex);
  return break_;
}

Gva Space::set_break(Gva wanted) {
  std::vector<Vma> gone; // dies after the guard
  const LockGuard guard(mutex);
  if (wanted < break_start_ || user_end_ < wanted) return break_;
  const Gva old_end = break_.page_ceil();
  const Gva new_end = wanted.page_ceil();
  if (new_end < old_end) {
    Batch batch;
    gone = take_out({new_end, old_end}, batch);
    finish(std::move(batch));
  } else if (old_end < new_end) {
    Vma heap;
    heap.range = {old_end, new_end};
    heap.prot = Prot::Read | Prot::Write;
    heap.role = VmaRole::Heap;
    // A page stays free above it, so that the heap never touches what lies there.
    const bool room = user_end_ - new_end >= kPageSize && areas_.placeable({old_end, new_end + kPageSize});
    if (!room || !admit(heap, heap.range.length())) return break_;
    insert(std::move(heap));
  }
  break_ = wanted;
  return break_;
}

} // namespace pagoda::space
