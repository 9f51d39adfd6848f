// What a guest can see of the host's files: `--root` read-only, binds over it, a private /tmp, and
// the synthetic trees /proc, /sys and /dev.
//
// A path is walked from the guest's root, one mount at a time, with openat2 and RESOLVE_* so that no
// `..`, symlink or magic link leads out of what was bound. Paths given to this class are absolute
// guest paths; relative ones are joined to a directory's guest path by the caller (path_walk.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "guest/linux/fs/file.hpp"

namespace pagoda::kernel {

class Process;
class Kernel;

enum class Writable : bool { No, Yes };

// A tree that is made by the kernel itself, not by the host: /proc, /sys, /dev.
class SyntheticTree; // fs/synthetic.hpp

struct MountOptions {
  std::string root = "/"; // host directory that is the guest's /
  struct Bind {
    std::string source, destination;
    Writable writable = Writable::No;
  };
  std::vector<Bind> binds;
  bool private_tmp = true; // an own, empty, writable /tmp (and /dev/shm, /var/tmp, /run)
};

class MountTable {
public:
  // What went wrong and with which path, ready to print.
  static std::expected<std::unique_ptr<MountTable>, std::string> create(const MountOptions &options);
  virtual ~MountTable() = default;

  // Opens a program image for execve and the loader: a regular, executable file, followed through
  // symlinks. Negative errno otherwise. `resolved` gets the guest path without symlinks.
  virtual std::expected<std::shared_ptr<File>, int> open_executable(const Process *process, const std::string &path,
                                                                    std::string &resolved) = 0;
};

} // namespace pagoda::kernel
