#include "guest/linux/fs/mount_table.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/resource.h>

#include "guest/linux/fs/kernel_trees.hpp"
#include "guest/linux/fs/open.hpp"
#include "guest/linux/fs/path_walk.hpp"
#include "guest/linux/fs/private_storage.hpp"
#include "guest/linux/fs/socket_source.hpp"
#include "guest/linux/fs/standard_files.hpp"
#include "guest/linux/process.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::size_t kMostMounts = 256;
// st_dev of synthetic trees: a major number that Linux gives to nothing.
constexpr std::uint64_t kSyntheticDevice = 0xff00;

std::string failed(std::string_view what, std::string_view path) {
  return fmt::format("{} {}: {}", what, path, std::strerror(errno));
}

mode_t read_host_umask() {
  mode_t mask = ::umask(022);
  ::umask(mask);
  return mask;
}

// Every open file of the guest is a descriptor here: take what the host is willing to give.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool below_or_at(std::string_view path, std::string_view point) {
  if (point == "/") return true;
  return path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
}

std::string_view parent_of(std::string_view path) {
  std::size_t slash = path.find_last_of('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Lexical: used for the part of a bind's destination that does not exist.
std::string clean(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    std::size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..")
      out.resize(out.empty() ? 0 : out.find_last_of('/'));
    else
      out.append("/").append(part);
  }
  return out.empty() ? "/" : out;
}

} // namespace

MountTable::MountTable() : sockets_(std::make_unique<SocketSource>()), host_umask_(read_host_umask()) {}
MountTable::~MountTable() = default;

void MountTable::keep_terminal(std::unique_ptr<TerminalKeeper> terminal) { terminal_ = std::move(terminal); }

std::expected<std::unique_ptr<MountTable>, std::string> MountTable::create(const MountOptions &options) {
  raise_descriptor_limit();
  std::unique_ptr<MountTable> table(new MountTable);
  if (auto built = table->build(options); !built) return std::unexpected(built.error());
  return table;
}

std::expected<void, std::string> MountTable::build(const MountOptions &options) {
  for (const DirectoryIdentity &directory : options.hidden) guard_.hide(directory);
  UniqueFd root(::open(options.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return std::unexpected(failed("--root", options.root));
  add_host("/", std::move(root), Writable::No, false);

  add_proc_links(add_tree("/proc", PROC_SUPER_MAGIC), *this);
  add_proc_content(*mounts_.back()->tree);
  add_sys_content(add_tree("/sys", SYSFS_MAGIC));
  add_dev_nodes(add_tree("/dev", TMPFS_MAGIC), options.pmem);

  auto storage = PrivateStorage::create();
  if (!storage) return std::unexpected("cannot make the private /tmp: " + storage.error());
  storage_ = std::make_unique<PrivateStorage>(std::move(*storage));
  if (auto made = add_private("/dev/shm", 01777); !made) return made;
  if (options.private_tmp) {
    for (auto [point, mode] : {std::pair{"/tmp", 01777}, {"/var/tmp", 01777}, {"/run", 0755}}) {
      if (auto made = add_private(point, mode_t(mode)); !made) return made;
    }
  }
  for (const auto &bind : options.binds) {
    if (auto bound = add_bind(bind); !bound) return bound;
  }
  return {};
}

std::expected<void, std::string> MountTable::add_bind(const MountOptions::Bind &bind) {
  if (!bind.destination.starts_with('/')) {
    return std::unexpected(
        fmt::format("--bind {}:{}: the destination must begin with /", bind.source, bind.destination));
  }
  if (mounts_.size() >= kMostMounts) return std::unexpected(fmt::format("more than {} --bind options", kMostMounts));
  UniqueFd source(::open(bind.source.c_str(), O_PATH | O_CLOEXEC));
  struct stat st{};
  if (!source.valid() || ::fstat(source.get(), &st) != 0) return std::unexpected(failed("--bind", bind.source));
  if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
    return std::unexpected(fmt::format("--bind {}: neither a directory nor a regular file", bind.source));
  }
  auto point = place_point(bind.destination);
  if (!point) return std::unexpected(point.error());
  add_host(*point, std::move(source), bind.writable, !S_ISDIR(st.st_mode));
  return {};
}

std::expected<void, std::string> MountTable::add_private(const char *point, mode_t mode) {
  std::string name = point + 1;
  std::ranges::replace(name, '/', '-');
  UniqueFd directory = storage_->make_directory(name.c_str(), mode);
  if (!directory.valid()) return std::unexpected(failed("cannot make the private", point));
  auto real = place_point(point);
  if (!real) return std::unexpected(real.error());
  add_host(*real, std::move(directory), Writable::Yes, false);
  return {};
}

std::expected<std::string, std::string> MountTable::place_point(const std::string &wanted) {
  View nobody;
  std::string point = clean(wanted);
  if (point == "/") return point;
  // The part that exists, symlinks followed, then the rest as it is written.
  std::string_view head = point;
  std::string tail;
  std::expected<Location, int> found = walk(*this, nobody, point, Follow::Yes);
  while (!found && found.error() == ENOENT && head != "/") {
    tail = std::string(head.substr(head.find_last_of('/'))) + tail;
    head = parent_of(head);
    found = walk(*this, nobody, std::string(head), Follow::Yes);
  }
  if (!found) return std::unexpected(fmt::format("{}: {}", wanted, std::strerror(found.error())));
  if (!tail.empty() && !found->is_directory()) return std::unexpected(wanted + ": not in a directory");
  std::string real = found->path == "/" ? "" : found->path;
  if (tail.empty()) return found->path;
  for (std::size_t slash = tail.find('/', 1); slash != std::string::npos; slash = tail.find('/', slash + 1)) {
    add_tree(real + tail.substr(0, slash), TMPFS_MAGIC);
  }
  return real + tail;
}

void MountTable::add_host(std::string point, UniqueFd fd, Writable writable, bool single_file) {
  // A later mount on the same place covers the earlier one.
  std::erase_if(mounts_, [&](const auto &mount) { return mount->point == point && point != "/proc"; });
  auto mount = std::make_unique<Mount>();
  mount->point = std::move(point);
  mount->fd = std::move(fd);
  mount->writable = writable;
  mount->single_file = single_file;
  mount->id = unsigned(mounts_.size());
  mounts_.push_back(std::move(mount));
}

SyntheticTree &MountTable::add_tree(std::string point, std::uint64_t magic) {
  auto mount = std::make_unique<Mount>();
  mount->id = unsigned(mounts_.size());
  mount->tree = std::make_unique<SyntheticTree>(point, kSyntheticDevice + mount->id, magic);
  mount->point = std::move(point);
  mounts_.push_back(std::move(mount));
  return *mounts_.back()->tree;
}

const Mount &MountTable::mount_of(std::string_view path, std::string_view &below) const {
  const Mount *best = nullptr;
  for (const auto &mount : mounts_) {
    bool longer = best == nullptr || mount->point.size() >= best->point.size();
    if (longer && below_or_at(path, mount->point)) best = mount.get();
  }
  below = path.substr(std::min(path.size(), best->point.size()));
  while (below.starts_with('/')) below.remove_prefix(1);
  return *best;
}

std::vector<std::string> MountTable::points_in(std::string_view path) const {
  std::vector<std::string> names;
  for (const auto &mount : mounts_) {
    if (mount->point == "/" || parent_of(mount->point) != path) continue;
    std::string name = mount->point.substr(mount->point.find_last_of('/') + 1);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

bool MountTable::is_mount_point(std::string_view path) const {
  return std::ranges::any_of(mounts_, [&](const auto &mount) { return mount->point == path; });
}

bool MountTable::has_mounts_below(std::string_view path) const {
  return std::ranges::any_of(mounts_, [&](const auto &mount) { return below_or_at(mount->point, path); });
}

std::expected<std::shared_ptr<File>, int> MountTable::open_executable(const Process *process, const std::string &path,
                                                                      std::string &resolved) {
  View view{.kernel = kernel_, .viewer = process};
  std::string base = process != nullptr && process->fs ? process->fs->cwd() : "/";
  auto joined = join_path(base, path);
  if (!joined) return std::unexpected(joined.error());
  auto found = walk(*this, view, *joined, Follow::Yes);
  if (!found) return std::unexpected(found.error());
  auto file = open_for_execution(*found);
  if (file) resolved = (*file)->path();
  return file;
}

} // namespace pagoda::kernel
