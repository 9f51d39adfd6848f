// Handlers of the time family, by file; time.cpp lists them with their numbers.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::timing {

SysResult do_clock_gettime(Call &call); // clocks.cpp
SysResult do_clock_getres(Call &call);
SysResult do_clock_settime(Call &call);
SysResult do_gettimeofday(Call &call);
SysResult do_settimeofday(Call &call);
SysResult do_time(Call &call);
SysResult do_times(Call &call);
SysResult do_adjtimex(Call &call);
SysResult do_clock_adjtime(Call &call);

SysResult do_nanosleep(Call &call); // sleep.cpp
SysResult do_clock_nanosleep(Call &call);

SysResult do_getitimer(Call &call); // interval.cpp
SysResult do_setitimer(Call &call);
SysResult do_alarm(Call &call);

SysResult do_timer_create(Call &call); // posix_timers.cpp
SysResult do_timer_settime(Call &call);
SysResult do_timer_gettime(Call &call);
SysResult do_timer_getoverrun(Call &call);
SysResult do_timer_delete(Call &call);

} // namespace pagoda::kernel::timing
