#include "guest/linux/fs/fifo_open.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace pagoda::kernel {

bool fifo_has_peer(const File &file) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return true;
  UniqueFd reader(ends[0]), writer(ends[1]);
  // tee takes nothing away; it says EAGAIN for an empty pipe with a writer and 0 for one without.
  return ::tee(file.host_fd(), writer.get(), 1, SPLICE_F_NONBLOCK) != 0;
}

bool names_fifo(MountTable &mounts, const View &view, const std::string &path) {
  auto at = walk(mounts, view, path, Follow::Yes);
  return at && S_ISFIFO(at->st.st_mode);
}

} // namespace pagoda::kernel
