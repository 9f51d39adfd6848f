#include "guest/linux/fs/socket_file.hpp"

#include <cerrno>

namespace pagoda::kernel {

std::int64_t SocketFile::seek(std::int64_t, int) { return -ESPIPE; }

} // namespace pagoda::kernel
