// The memory policy of the task that the calling thread works for: what Linux reads from `current`.
//
// Whoever runs tasks says so when one comes onto a thread and when its policy changes; a thread that
// works for none has the default.
#pragma once

#include "mmu/space/mempolicy.hpp"

namespace pagoda::space {

namespace detail {
inline thread_local constinit Mempolicy current_policy{};
}

[[nodiscard]] inline const Mempolicy &task_policy() { return detail::current_policy; }
inline void set_task_policy(const Mempolicy &policy) { detail::current_policy = policy; }

} // namespace pagoda::space
