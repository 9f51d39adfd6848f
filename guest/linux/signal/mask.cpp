#include "guest/linux/signal/mask.hpp"

#include "guest/linux/signal/pending.hpp"
#include "guest/linux/signal/send.hpp"

namespace pagoda::kernel {

void set_blocked(Kernel &kernel, Task &task, SignalSet blocked) {
  blocked &= ~kUnblockable;
  const SignalSet added = blocked & ~task.signals.blocked;
  task.signals.blocked = blocked;
  if ((task.process().signals.pending.set & added) != 0) offer_pending(kernel, task.process());
}

void set_temporary_mask(Kernel &kernel, Task &task, SignalSet blocked) {
  if (!task.signals.restore) task.signals.restore = task.signals.blocked;
  set_blocked(kernel, task, blocked);
}

} // namespace pagoda::kernel
