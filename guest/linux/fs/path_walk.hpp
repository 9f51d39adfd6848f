// From a guest path to the thing it names, without a way out of what was bound.
//
// Everything is decided in guest path terms. One openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
// does the common case. When a symlink stands in the way, the path is taken component by component:
// the link's text is read and put in front of the rest, an absolute one from the guest's root, and
// the walk begins again, at most kMostLinks times. So the host's kernel never follows a link for us,
// `..` never passes a mount's root on the host, and each mount is entered through its own root.
//
// Source: path_resolution(7), openat2(2). Errors are positive errnos.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "guest/linux/fs/mount_table.hpp"

namespace pagoda::kernel {

inline constexpr unsigned kMostLinks = 40;
inline constexpr std::size_t kPathMax = 4096; // the NUL included

enum class Follow : bool { No, Yes };
enum class Missing : bool { Error, Parent };

struct Location {
  const Mount *mount = nullptr;
  std::string path; // canonical guest path
  UniqueFd fd;      // O_PATH; on host mounts
  struct stat st{};
  const SyntheticNode *node = nullptr; // on synthetic mounts
  View view;
  std::shared_ptr<File> file; // a descriptor that a /proc/PID/fd link led to
  // Missing::Parent and nothing there: the above is the directory where `name` could be made.
  bool missing = false;
  std::string name;

  [[nodiscard]] bool writable() const { return mount->writable == Writable::Yes; }
  [[nodiscard]] bool is_directory() const { return S_ISDIR(st.st_mode); }
};

// `path` joined to `base`, both guest paths; ENOENT when empty, ENAMETOOLONG.
[[nodiscard]] std::expected<std::string, int> join_path(const std::string &base, std::string_view path);

// What `path`, absolute, names. A trailing slash demands a directory and follows the last link.
[[nodiscard]] std::expected<Location, int> walk(MountTable &mounts, const View &view, std::string path, Follow follow,
                                                Missing missing = Missing::Error);

// The directory that holds the last component, and that component, not looked up. `name` is ".", ".."
// or "" (the root) where Linux's LAST_DOT, LAST_DOTDOT and LAST_ROOT would be.
struct Parent {
  Location directory;
  std::string name;
  bool trailing_slash = false;
  [[nodiscard]] bool normal() const { return !name.empty() && name != "." && name != ".."; }
  [[nodiscard]] std::string path() const; // canonical, of the entry
};
[[nodiscard]] std::expected<Parent, int> walk_parent(MountTable &mounts, const View &view, const std::string &path);

// The status of a location, whatever it is.
[[nodiscard]] int status_of(const Location &location, struct stat &out);
// The text of a symlink; EINVAL when it is none.
[[nodiscard]] std::expected<std::string, int> link_text(const Location &location);
// "/proc/self/fd/N" of the host, for calls that have no variant on an O_PATH descriptor.
[[nodiscard]] std::string host_link(int fd);

} // namespace pagoda::kernel
