#include "guest/linux/fs/node_file.hpp"

#include "guest/linux/fs/directory_file.hpp"

namespace pagoda::kernel {

int NodeFile::status(struct stat &out) {
  out = at_.st;
  return 0;
}

int NodeFile::file_system(struct statfs &out) {
  describe_tree(*at_.mount->tree, out);
  return 0;
}

} // namespace pagoda::kernel
