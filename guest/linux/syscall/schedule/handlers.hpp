// Handlers of the schedule family, by file; schedule.cpp lists them with their numbers.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::schedule {

SysResult do_sched_yield(Call &call); // yield.cpp

SysResult do_getpriority(Call &call); // priority.cpp
SysResult do_setpriority(Call &call);
SysResult do_ioprio_set(Call &call);
SysResult do_ioprio_get(Call &call);

SysResult do_sched_setaffinity(Call &call); // affinity.cpp
SysResult do_sched_getaffinity(Call &call);

SysResult do_sched_setparam(Call &call); // policy_calls.cpp
SysResult do_sched_getparam(Call &call);
SysResult do_sched_setscheduler(Call &call);
SysResult do_sched_getscheduler(Call &call);
SysResult do_sched_get_priority_max(Call &call);
SysResult do_sched_get_priority_min(Call &call);
SysResult do_sched_rr_get_interval(Call &call);
SysResult do_sched_setattr(Call &call);
SysResult do_sched_getattr(Call &call);

} // namespace pagoda::kernel::schedule
