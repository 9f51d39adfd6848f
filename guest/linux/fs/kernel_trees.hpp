// What the file system itself puts into the synthetic trees: all of /dev, and the links of /proc that
// need to know open files, working directories and mounts.
#pragma once

#include "guest/linux/fs/synthetic.hpp"

namespace pagoda::kernel {

class MountTable;

void add_dev_nodes(SyntheticTree &dev, bool pmem);
void add_proc_links(SyntheticTree &proc, const MountTable &mounts);

} // namespace pagoda::kernel
