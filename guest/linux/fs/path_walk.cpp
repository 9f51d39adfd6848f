#include "guest/linux/fs/path_walk.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <vector>

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::size_t kMostPending = 64 * 1024; // a path grown by link texts

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    std::size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.push_back(part);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

void append_component(std::string &path, std::string_view name) {
  if (name == "..") {
    path.resize(path.find_last_of('/'));
    if (path.empty()) path = "/";
    return;
  }
  if (path.back() != '/') path += '/';
  path += name;
}

std::expected<UniqueFd, int> open_beneath(int root, const std::string &below, int flags) {
  open_how how{};
  how.flags = std::uint64_t(flags) | O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; ++attempt) {
    long fd = ::syscall(SYS_openat2, root, below.empty() ? "." : below.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(int(fd));
    if ((errno != EAGAIN && errno != EINTR) || attempt == 16) return std::unexpected(errno);
  }
}

class Walk {
public:
  Walk(MountTable &mounts, const View &view) : mounts_(mounts), view_(view) {}

  std::expected<Location, int> run(std::string path, Follow follow, Missing missing) {
    for (pending_ = std::move(path);;) {
      if (pending_.size() > kMostPending) return std::unexpected(ENAMETOOLONG);
      bool directory = pending_.ends_with('/') || pending_.ends_with("/.") || pending_.ends_with("/..");
      bool follow_last = follow == Follow::Yes || directory;
      parts_ = split(pending_);
      Step step = whole();
      if (step.error == ELOOP)
        step = by_component(follow_last);
      else if (step.error == 0 && follow_last && S_ISLNK(step.location.st.st_mode))
        step = expand(std::move(step.location), parts_.size());
      if (step.again) continue;
      if (step.error == ENOENT && missing == Missing::Parent && !parts_.empty()) return parent_of_missing(directory);
      if (step.error != 0) return std::unexpected(step.error);
      if (directory && !step.location.is_directory()) return std::unexpected(ENOTDIR);
      return std::move(step.location);
    }
  }

private:
  struct Step {
    Location location;
    int error = 0;
    bool again = false; // pending_ has been rewritten
  };
  static Step fail(int error) { return {.location = {}, .error = error}; }

  // One openat2 for all of it: `..` may be left to the host while the walk stays on one mount.
  Step whole() {
    std::string canonical = "/", literal;
    std::string_view below;
    const Mount *mount = &mounts_.mount_of(canonical, below);
    bool dotdot = false;
    for (std::string_view part : parts_) {
      if (part == ".." && canonical == "/") continue;
      append_component(canonical, part);
      const Mount &now = mounts_.mount_of(canonical, below);
      if (&now != mount) {
        if (dotdot || part == "..") return fail(ELOOP); // `..` and a mount point: step by step
        mount = &now;
        literal = below;
        continue;
      }
      dotdot = dotdot || part == "..";
      if (!literal.empty()) literal += '/';
      literal += part;
    }
    if (!dotdot) return probe(canonical);
    if (mount->synthetic() || mount->single_file) return fail(ELOOP);
    return probe_host(*mount, canonical, literal);
  }

  // Every prefix in turn; the first symlink is expanded into pending_.
  Step by_component(bool follow_last) {
    std::string canonical = "/";
    Step step = probe(canonical);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (step.error != 0) return step;
      if (!step.location.is_directory()) return fail(ENOTDIR);
      append_component(canonical, parts_[i]);
      step = probe(canonical);
      bool last = i + 1 == parts_.size();
      if (step.error == 0 && S_ISLNK(step.location.st.st_mode) && (!last || follow_last)) {
        return expand(std::move(step.location), i + 1);
      }
    }
    return step;
  }

  // What a canonical path is: no component of it but the last may be a link.
  Step probe(const std::string &canonical) {
    std::string_view below;
    const Mount &mount = mounts_.mount_of(canonical, below);
    if (mount.synthetic()) return probe_tree(mount, canonical, below);
    if (mount.single_file && !below.empty()) return fail(ENOTDIR);
    return probe_host(mount, canonical, std::string(below));
  }

  Step probe_host(const Mount &mount, const std::string &canonical, const std::string &below) {
    Step step;
    if (below.empty()) {
      step.location.fd.reset(::fcntl(mount.fd.get(), F_DUPFD_CLOEXEC, 0));
      if (!step.location.fd.valid()) return fail(errno);
    } else {
      auto fd = open_beneath(mount.fd.get(), below, 0);
      if (!fd) return fail(fd.error() == EXDEV ? ELOOP : fd.error());
      step.location.fd = std::move(*fd);
    }
    if (::fstat(step.location.fd.get(), &step.location.st) != 0) return fail(errno);
    if (!mounts_.guard().allows(step.location.fd.get(), step.location.st)) return fail(EACCES);
    step.location.mount = &mount;
    step.location.path = canonical;
    step.location.view = view_;
    return step;
  }

  Step probe_tree(const Mount &mount, const std::string &canonical, std::string_view below) {
    Step step;
    Location &at = step.location;
    at.view = view_;
    at.node = &mount.tree->root();
    for (std::string_view part : split(below)) {
      if (at.node->kind == SyntheticNode::Kind::Link) return fail(ELOOP);
      if (at.node->kind != SyntheticNode::Kind::Directory) return fail(ENOTDIR);
      at.node = mount.tree->child(*at.node, part, at.view);
      if (at.node == nullptr) return fail(ENOENT);
    }
    at.mount = &mount;
    at.path = canonical;
    mount.tree->status(*at.node, at.view, at.st);
    return step;
  }

  // Replaces the link at parts_[used-1] by its text.
  Step expand(Location link, std::size_t used) {
    if (++links_ > kMostLinks) return fail(ELOOP);
    std::string rest;
    for (std::size_t i = used; i < parts_.size(); ++i) rest.append("/").append(parts_[i]);
    if (pending_.ends_with('/') || pending_.ends_with("/.")) rest += '/';
    if (link.node != nullptr && link.node->magic == SyntheticNode::Magic::Descriptor) {
      return descriptor(std::move(link), rest);
    }
    auto text = link_text(link);
    if (!text) return fail(text.error());
    if (text->empty()) return fail(ENOENT);
    std::string next = text->starts_with('/') ? std::string() : link.path.substr(0, link.path.find_last_of('/') + 1);
    pending_ = next + *text + rest;
    Step step;
    step.again = true;
    return step;
  }

  // /proc/PID/fd/N: the open file itself, or a directory to go on from.
  Step descriptor(Location link, const std::string &rest) {
    std::shared_ptr<FdTable> fds;
    {
      LockGuard lock(view_.kernel->mutex);
      Process *process = view_.kernel->find_process(link.view.pid);
      if (process != nullptr) fds = process->fds;
    }
    std::shared_ptr<File> file = fds ? fds->get(link.view.fd) : nullptr;
    if (!file) return fail(ENOENT);
    struct stat st{};
    if (int error = file->status(st); error != 0) return fail(-error);
    if (S_ISDIR(st.st_mode) && file->path().starts_with('/')) {
      pending_ = file->path() + rest;
      Step step;
      step.again = true;
      return step;
    }
    if (!rest.empty()) return fail(ENOTDIR);
    Step step;
    step.location = std::move(link);
    step.location.st = st;
    step.location.file = std::move(file);
    return step;
  }

  std::expected<Location, int> parent_of_missing(bool directory) {
    std::string last(parts_.back());
    if (last == "..") return std::unexpected(ENOENT);
    std::string above;
    for (std::size_t i = 0; i + 1 < parts_.size(); ++i) above.append("/").append(parts_[i]);
    auto found = run(above + "/", Follow::Yes, Missing::Error);
    if (!found) return found;
    if (directory) return std::unexpected(EISDIR);
    found->missing = true;
    found->name = std::move(last);
    return found;
  }

  MountTable &mounts_;
  const View &view_;
  std::string pending_;
  std::vector<std::string_view> parts_; // of pending_
  unsigned links_ = 0;
};

} // namespace

std::expected<std::string, int> join_path(const std::string &base, std::string_view path) {
  if (path.empty()) return std::unexpected(ENOENT);
  if (path.size() >= kPathMax) return std::unexpected(ENAMETOOLONG);
  if (path.starts_with('/')) return std::string(path);
  return base + "/" + std::string(path);
}

std::expected<Location, int> walk(MountTable &mounts, const View &view, std::string path, Follow follow,
                                  Missing missing) {
  return Walk(mounts, view).run(std::move(path), follow, missing);
}

std::expected<Parent, int> walk_parent(MountTable &mounts, const View &view, const std::string &path) {
  std::string_view text = path;
  Parent parent;
  while (text.size() > 1 && text.ends_with('/')) {
    text.remove_suffix(1);
    parent.trailing_slash = true;
  }
  std::size_t slash = text.find_last_of('/');
  parent.name = text.substr(slash + 1);
  // The empty name of "/" stands for the root itself.
  auto directory = walk(mounts, view, std::string(text.substr(0, slash + 1)), Follow::Yes);
  if (!directory) return std::unexpected(directory.error());
  parent.directory = std::move(*directory);
  return parent;
}

std::string Parent::path() const { return directory.path == "/" ? "/" + name : directory.path + "/" + name; }

int status_of(const Location &location, struct stat &out) {
  out = location.st;
  return 0;
}

std::expected<std::string, int> link_text(const Location &location) {
  if (!S_ISLNK(location.st.st_mode)) return std::unexpected(EINVAL);
  if (location.node != nullptr) return location.node->generate(location.view);
  std::string text(kPathMax, '\0');
  ssize_t n = ::readlinkat(location.fd.get(), "", text.data(), text.size());
  if (n < 0) return std::unexpected(errno);
  text.resize(std::size_t(n));
  return text;
}

std::string host_link(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

} // namespace pagoda::kernel
