#include "guest/linux/fs/file.hpp"

#include <cerrno>

#include "guest/linux/fs/lock_table.hpp"

namespace pagoda::kernel {

File::~File() {
  if (locks_) locks_->release_owner(this);
}

std::int64_t File::read(std::span<const iovec>, std::optional<std::uint64_t>) { return -EBADF; }
std::int64_t File::write(std::span<const iovec>, std::optional<std::uint64_t>) { return -EBADF; }
std::int64_t File::seek(std::int64_t, int) { return -ESPIPE; }
int File::status(struct stat &) { return -EBADF; }
int File::file_system(struct statfs &) { return -ENOSYS; }
std::int64_t File::truncate(std::uint64_t) { return -EINVAL; }
int File::list(const View &, DirectorySink &) { return -ENOTDIR; }

} // namespace pagoda::kernel
