#include "guest/linux/fs/kernel_trees.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>

#include "guest/linux/fs/mount_table.hpp"
#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {
namespace {

// Runs `use` on the process that the view names, with the process tree locked.
template <class Use> Content with_process(const View &view, Use &&use) {
  if (view.kernel == nullptr) return std::unexpected(ENOENT);
  LockGuard lock(view.kernel->mutex);
  Process *process = view.kernel->find_process(view.pid);
  if (process == nullptr) return std::unexpected(ESRCH);
  return use(*process);
}

Content descriptor_path(const View &view) {
  std::shared_ptr<FdTable> fds;
  Content found = with_process(view, [&](Process &process) -> Content {
    fds = process.fds;
    return std::string();
  });
  if (!found) return found;
  std::shared_ptr<File> file = fds ? fds->get(view.fd) : nullptr;
  if (!file) return std::unexpected(ENOENT);
  return file->path();
}

Content descriptor_info(const View &view) {
  std::shared_ptr<FdTable> fds;
  Content found = with_process(view, [&](Process &process) -> Content {
    fds = process.fds;
    return std::string();
  });
  if (!found) return found;
  std::shared_ptr<File> file = fds ? fds->get(view.fd) : nullptr;
  if (!file) return std::unexpected(ENOENT);
  std::int64_t position = file->seek(0, SEEK_CUR);
  int flags = file->flags() | (fds->close_on_exec(view.fd) == 1 ? O_CLOEXEC : 0);
  return fmt::format("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t1\n", position < 0 ? 0 : position, unsigned(flags));
}

Content executable_path(const View &view) {
  return with_process(view, [](Process &process) -> Content { return process.image.executable; });
}

Content working_directory(const View &view) {
  return with_process(view, [](Process &process) -> Content { return process.fs ? process.fs->cwd() : "/"; });
}

const char *type_name(const Mount &mount) {
  if (!mount.synthetic()) return mount.writable == Writable::Yes ? "tmpfs" : "rootfs";
  if (mount.point == "/proc") return "proc";
  if (mount.point == "/sys") return "sysfs";
  return mount.point == "/dev" ? "devtmpfs" : "tmpfs";
}

void add_magic(SyntheticTree &proc, std::string_view path, SyntheticNode::Magic magic, Generate text) {
  proc.link(path, std::move(text)).magic = magic;
}

void add_process_links(SyntheticTree &proc, const std::string &base) {
  add_magic(proc, base + "/exe", SyntheticNode::Magic::Executable, executable_path);
  add_magic(proc, base + "/cwd", SyntheticNode::Magic::WorkingDirectory, working_directory);
  add_magic(proc, base + "/root", SyntheticNode::Magic::Root, [](const View &) -> Content { return "/"; });
  add_magic(proc, base + "/fd/{fd}", SyntheticNode::Magic::Descriptor, descriptor_path);
  proc.directory(base + "/fd", 0500);
  proc.file(base + "/fdinfo/{fd}", descriptor_info);
}

} // namespace

void add_dev_nodes(SyntheticTree &dev, bool pmem) {
  dev.device("null", Device::Null, 0666, 1, 3);
  dev.device("zero", Device::Zero, 0666, 1, 5);
  dev.device("full", Device::Full, 0666, 1, 7);
  dev.device("random", Device::Random, 0666, 1, 8);
  dev.device("urandom", Device::Random, 0666, 1, 9);
  dev.device("tty", Device::Terminal, 0666, 5, 0);
  if (pmem) dev.device("pmem0", Device::Pmem, 0660, 259, 0);
  dev.link("fd", "/proc/self/fd");
  dev.link("stdin", "/proc/self/fd/0");
  dev.link("stdout", "/proc/self/fd/1");
  dev.link("stderr", "/proc/self/fd/2");
  dev.directory("shm", 01777);
}

void add_proc_links(SyntheticTree &proc, const MountTable &mounts) {
  proc.link("self", [](const View &view) -> Content {
    if (view.viewer == nullptr) return std::unexpected(ENOENT);
    return std::to_string(view.viewer->pid());
  });
  proc.link("thread-self", [](const View &view) -> Content {
    if (view.viewer == nullptr) return std::unexpected(ENOENT);
    return fmt::format("{}/task/{}", view.viewer->pid(), view.viewer_tid);
  });
  add_process_links(proc, "{pid}");
  add_process_links(proc, "{pid}/task/{tid}");
  // The mount table outlives its own trees.
  Generate list = [&mounts](const View &) -> Content {
    std::string text;
    for (const auto &mount : mounts.mounts()) {
      const char *type = type_name(*mount);
      const char *mode = mount->synthetic() || mount->writable == Writable::Yes ? "rw" : "ro";
      text += fmt::format("{} {} {} {},nosuid,nodev 0 0\n", type, mount->point, type, mode);
    }
    return text;
  };
  proc.file("{pid}/mounts", list);
  proc.file("{pid}/mountinfo", [&mounts](const View &) -> Content {
    std::string text;
    for (const auto &mount : mounts.mounts()) {
      const char *type = type_name(*mount);
      const char *mode = mount->synthetic() || mount->writable == Writable::Yes ? "rw" : "ro";
      text += fmt::format("{} 1 0:{} / {} {},nosuid,nodev - {} {} {}\n", mount->id + 20, mount->id + 20, mount->point,
                          mode, type, type, mode);
    }
    return text;
  });
  proc.link("mounts", "self/mounts");
}

} // namespace pagoda::kernel
