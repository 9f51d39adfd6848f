// Pagoda's own stdin, stdout and stderr as descriptors 0, 1 and 2 of a guest.
//
// Their open file descriptions are shared with the shell and with whoever else holds them, so
// O_NONBLOCK is never set on them: terminals and pipes are opened anew where the host permits it;
// else readiness is asked first, and sockets are used with MSG_DONTWAIT.
#pragma once

#include <memory>
#include <string>

#include "guest/linux/fs/fd_table.hpp"

namespace pagoda::kernel {

class Kernel;

// Descriptors that are closed here stay closed there. Also shows the kernel to /proc.
void make_standard_fds(Kernel &kernel, FdTable &table);
// One host descriptor as a guest file; null when it is not open. Exposed for tests.
[[nodiscard]] std::shared_ptr<File> wrap_standard_fd(int fd);

} // namespace pagoda::kernel
