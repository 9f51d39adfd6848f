// What every open file of a synthetic tree has in common: its inode is a node of the tree.
#pragma once

#include "guest/linux/fs/path_walk.hpp"

namespace pagoda::kernel {

class NodeFile : public File {
public:
  int status(struct stat &out) override;
  int file_system(struct statfs &out) override;

protected:
  NodeFile(Location at, int flags) : File(at.path, flags), at_(std::move(at)) {}
  Location at_;
};

} // namespace pagoda::kernel
