// Advisory locks: fcntl's record locks, open file description locks, flock.
#pragma once

#include "guest/linux/fs/file.hpp"
#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::files {

// F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ forms; the struct flock is argument 2.
[[nodiscard]] SysResult record_lock(Call &call, const std::shared_ptr<File> &file, int command);

} // namespace pagoda::kernel::files
