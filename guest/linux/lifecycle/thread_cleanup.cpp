#include "guest/linux/lifecycle/thread_cleanup.hpp"

#include <utility>

#include "guest/linux/sched/futex.hpp"
#include "mmu/fault/guest_memory.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::uint32_t kOwnerDied = 0x40000000; // FUTEX_OWNER_DIED
constexpr std::uint32_t kWaiters = 0x80000000;   // FUTEX_WAITERS
constexpr std::uint32_t kTidMask = 0x3fffffff;
constexpr std::uint64_t kPriorityInheritance = 1; // low bit of a list pointer
// The list is the program's and may be a circle.
constexpr unsigned kListLimit = 2048;

struct RobustListHead {
  std::uint64_t next;
  std::int64_t futex_offset;
  std::uint64_t pending;
};

void mark_owner_died(Kernel &kernel, Task &task, Gva word_at) {
  if (word_at.value() % sizeof(std::uint32_t) != 0) return;
  bool had_waiters = false;
  {
    auto word = fault::PinnedWord::pin(*task.process().space, word_at, Access::Write);
    if (!word) return;
    std::uint32_t value = word->load();
    do {
      if ((value & kTidMask) != task.tid()) return;
    } while (!word->compare_exchange(value, (value & kWaiters) | kOwnerDied));
    had_waiters = (value & kWaiters) != 0;
  }
  if (had_waiters) wake_shared_futex(kernel, task, word_at);
}

Gva take_robust_list(Kernel &kernel, Task &task) {
  LockGuard guard(kernel.mutex); // get_robust_list of another thread reads it
  return std::exchange(task.robust_list, Gva{});
}

void walk_robust_list(Kernel &kernel, Task &task) {
  const Gva head_at = take_robust_list(kernel, task);
  if (head_at.value() == 0) return;
  space::Space &space = *task.process().space;
  RobustListHead head{};
  if (!fault::read_value(space, head_at, head)) return;
  const auto word_of = [&](std::uint64_t entry) {
    return Gva((entry & ~kPriorityInheritance) + std::uint64_t(head.futex_offset));
  };
  std::uint64_t entry = head.next;
  for (unsigned i = 0; i < kListLimit && (entry & ~kPriorityInheritance) != head_at.value(); ++i) {
    std::uint64_t next = 0;
    const bool readable = fault::read_value(space, Gva(entry & ~kPriorityInheritance), next);
    if (entry != head.pending) mark_owner_died(kernel, task, word_of(entry));
    if (!readable) break;
    entry = next;
  }
  if ((head.pending & ~kPriorityInheritance) != 0) mark_owner_died(kernel, task, word_of(head.pending));
}

bool last_of_process(Kernel &kernel, const Task &task) {
  LockGuard guard(kernel.mutex);
  return task.process().live_tasks <= 1;
}

void clear_tid_word(Kernel &kernel, Task &task) {
  const Gva word = std::exchange(task.clear_child_tid, Gva{});
  if (word.value() == 0) return;
  // Nobody else can see the word of a space that has no other user.
  const auto &space = task.process().space;
  if (last_of_process(kernel, task) && space.use_count() <= 1) return;
  const std::uint32_t zero = 0;
  if (fault::write_value(*space, word, zero)) wake_shared_futex(kernel, task, word);
}

} // namespace

void settle_user_words(Kernel &kernel, Task &task) {
  if (!task.process().space) return;
  walk_robust_list(kernel, task);
  clear_tid_word(kernel, task);
}

void clean_up_thread(Kernel &kernel, Task &task) {
  task.call_state.reset();
  task.in_call = false;
  settle_user_words(kernel, task);
}

} // namespace pagoda::kernel
