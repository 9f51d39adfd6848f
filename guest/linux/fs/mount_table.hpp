// What a guest can see of the host's files: `--root` read-only, binds over it, a private /tmp, and
// the synthetic trees /proc, /sys and /dev.
//
// A path is walked from the guest's root, one mount at a time, with openat2 and RESOLVE_* so that no
// `..`, symlink or magic link leads out of what was bound (path_walk.hpp). Mount points are canonical
// guest paths: no symlink, no `.` or `..`, no trailing slash. The table does not change once made.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "guest/linux/fs/file.hpp"
#include "guest/linux/fs/host_guard.hpp"
#include "guest/linux/fs/lock_table.hpp"
#include "guest/linux/fs/passed_files.hpp"
#include "guest/linux/fs/synthetic.hpp"
#include "guest/linux/fs/unique_fd.hpp"
#include "guest/linux/fs/unix_names.hpp"

namespace pagoda::kernel {

class Process;
class Kernel;
class PrivateStorage;
class TerminalKeeper;
class SocketSource;

enum class Writable : bool { No, Yes };

struct MountOptions {
  std::string root = "/"; // host directory that is the guest's /
  struct Bind {
    std::string source, destination;
    Writable writable = Writable::No;
  };
  std::vector<Bind> binds;
  bool private_tmp = true;               // an own, empty, writable /tmp (and /dev/shm, /var/tmp, /run)
  bool pmem = false;                     // /dev/pmem0: the platform has DEVICE memory
  std::vector<DirectoryIdentity> hidden; // of the host's directories, from every bind
};

struct Mount {
  std::string point; // canonical guest path; "/" is the root
  UniqueFd fd;       // O_PATH of its root on the host; none for a synthetic tree
  Writable writable = Writable::No;
  bool single_file = false; // a bind of a file: there is nothing below it
  std::unique_ptr<SyntheticTree> tree;
  unsigned id = 0;

  [[nodiscard]] bool synthetic() const { return tree != nullptr; }
};

class MountTable {
public:
  // What went wrong and with which path, ready to print.
  static std::expected<std::unique_ptr<MountTable>, std::string> create(const MountOptions &options);
  ~MountTable();
  MountTable(const MountTable &) = delete;
  MountTable &operator=(const MountTable &) = delete;

  // Opens a program image for execve and the loader: a regular, executable file, followed through
  // symlinks; a positive errno otherwise. `resolved` gets the guest path without symlinks.
  std::expected<std::shared_ptr<File>, int> open_executable(const Process *process, const std::string &path,
                                                            std::string &resolved);
  // Whose processes /proc shows. Until then it has none.
  void attach(Kernel &kernel) { kernel_ = &kernel; }
  void keep_terminal(std::unique_ptr<TerminalKeeper> terminal);

  // The mount that a canonical guest path lies on, and the rest of the path below its root ("" at it).
  [[nodiscard]] const Mount &mount_of(std::string_view path, std::string_view &below) const;
  // Names of mount points directly in the directory `path`.
  [[nodiscard]] std::vector<std::string> points_in(std::string_view path) const;
  [[nodiscard]] bool is_mount_point(std::string_view path) const;
  [[nodiscard]] bool has_mounts_below(std::string_view path) const;
  // In the order they were made, for /proc/mounts.
  [[nodiscard]] const std::vector<std::unique_ptr<Mount>> &mounts() const { return mounts_; }

  [[nodiscard]] HostGuard &guard() { return guard_; }
  [[nodiscard]] const std::shared_ptr<LockTable> &locks() { return locks_; }
  [[nodiscard]] PassedFiles &passed_files() { return passed_files_; }
  [[nodiscard]] SocketSource &sockets() { return *sockets_; }
  [[nodiscard]] UnixNames &unix_names() { return unix_names_; }
  [[nodiscard]] mode_t host_umask() const { return host_umask_; }

private:
  MountTable();
  std::expected<void, std::string> build(const MountOptions &options);
  std::expected<void, std::string> add_bind(const MountOptions::Bind &bind);
  std::expected<void, std::string> add_private(const char *point, mode_t mode);
  void add_host(std::string point, UniqueFd fd, Writable writable, bool single_file);
  SyntheticTree &add_tree(std::string point, std::uint64_t magic);
  // Where a wanted mount point really is, symlinks followed; its missing parents become empty trees.
  std::expected<std::string, std::string> place_point(const std::string &wanted);

  Kernel *kernel_ = nullptr;
  std::vector<std::unique_ptr<Mount>> mounts_;
  std::unique_ptr<PrivateStorage> storage_;
  std::unique_ptr<SocketSource> sockets_;
  std::unique_ptr<TerminalKeeper> terminal_;
  HostGuard guard_;
  std::shared_ptr<LockTable> locks_ = std::make_shared<LockTable>();
  PassedFiles passed_files_;
  UnixNames unix_names_;
  mode_t host_umask_ = 022;
};

} // namespace pagoda::kernel
