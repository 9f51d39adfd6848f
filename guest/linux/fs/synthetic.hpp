// Trees that the kernel makes itself: /proc, /sys and /dev.
//
// Content is registered under a path relative to the tree's own root ("meminfo", "sys/vm/swappiness").
// A component in braces is dynamic: "{pid}", "{tid}" and "{fd}" stand for every process, every thread
// of it and every descriptor of it, "{cpu}" for "cpu0" and so on, one a vCPU, "{node}" for "node0" and so on, one a
// memory node; below them "{node_cpu}" for the CPUs of the node and "{cpu_node}" for the node of the CPU. The
// generator finds the numbers in its `View`. Missing parent directories are made. Registration ends before the guest
// starts; afterwards a tree is only read.
//
//   tree.file("meminfo", [](const View &v) -> Content { return meminfo(*v.kernel); });
//   tree.file("{pid}/maps", [](const View &v) -> Content { ... v.pid ... });
//   tree.knob("sys/vm/swappiness", read, [](const View &v, std::string_view text) { return 0; });
//   tree.link("self", [](const View &v) -> Content { return std::to_string(v.viewer->pid()); });
//
// A file's content is generated once, when it is opened. Generators run without locks held; one that
// needs the process tree takes Kernel::mutex itself and must cope with a pid that is gone (ESRCH).
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace pagoda::kernel {

class Kernel;
class Process;
class Task;

// Who looks, and at what.
struct View {
  Kernel *kernel = nullptr;        // null only in unit tests of the file system
  const Process *viewer = nullptr; // the process that opens; null for the kernel itself
  std::uint32_t viewer_tid = 0;
  std::uint32_t pid = 0; // values of the dynamic components above this node; 0: none
  std::uint32_t tid = 0;
  int fd = -1;
  std::uint32_t cpu = 0;
  std::uint32_t node = 0;
};

using Content = std::expected<std::string, int>; // text, or a positive errno
using Generate = std::function<Content(const View &)>;
using Store = std::function<int(const View &, std::string_view text)>; // 0 or a positive errno
using Names = std::function<std::vector<std::string>(const View &)>;   // members of a dynamic directory

// What a device node does; /dev alone has them.
enum class Device : std::uint8_t { None, Null, Zero, Full, Random, Terminal, Pmem };

struct SyntheticNode {
  enum class Kind : std::uint8_t { Directory, File, Link, Device };
  // What following a link leads to, where a path would not do (Linux's magic links).
  enum class Magic : std::uint8_t { None, Descriptor, Executable, WorkingDirectory, Root };

  Kind kind = Kind::Directory;
  Magic magic = Magic::None;
  Device device = Device::None;
  mode_t mode = 0555;       // permission bits only
  std::uint64_t number = 0; // inode, unique in its tree for static nodes
  std::uint64_t rdev = 0;   // of a device
  Generate generate;        // content of a file, target of a link
  Store store;              // null: not writable
  std::map<std::string, std::unique_ptr<SyntheticNode>, std::less<>> children;
  std::string dynamic_name;               // "{pid}" and so on when children may be dynamic
  std::unique_ptr<SyntheticNode> dynamic; // the pattern of such a child
};

class SyntheticTree {
public:
  // `device`: st_dev of everything in it. `magic`: f_type of statfs.
  SyntheticTree(std::string mount_point, std::uint64_t device, std::uint64_t magic);
  SyntheticTree(const SyntheticTree &) = delete;
  SyntheticTree &operator=(const SyntheticTree &) = delete;

  SyntheticNode &directory(std::string_view path, mode_t mode = 0555);
  SyntheticNode &file(std::string_view path, Generate generate, mode_t mode = 0444);
  SyntheticNode &knob(std::string_view path, Generate generate, Store store, mode_t mode = 0644);
  SyntheticNode &link(std::string_view path, Generate target);
  SyntheticNode &link(std::string_view path, std::string target);
  SyntheticNode &device(std::string_view path, Device device, mode_t mode, std::uint32_t major, std::uint32_t minor);

  // One step down from `node`; null: ENOENT. Fills the dynamic value into `view`.
  [[nodiscard]] const SyntheticNode *child(const SyntheticNode &node, std::string_view name, View &view) const;
  // Members of a directory, the static ones first; dynamic ones as they are now.
  struct Member {
    std::string name;
    const SyntheticNode *node;
  };
  [[nodiscard]] std::vector<Member> members(const SyntheticNode &node, const View &view) const;
  [[nodiscard]] const SyntheticNode &root() const { return root_; }
  [[nodiscard]] const std::string &mount_point() const { return mount_point_; }
  [[nodiscard]] std::uint64_t device_number() const { return device_; }
  [[nodiscard]] std::uint64_t magic() const { return magic_; }
  void status(const SyntheticNode &node, const View &view, struct stat &out) const;

private:
  SyntheticNode &place(std::string_view path);
  std::string mount_point_;
  std::uint64_t device_;
  std::uint64_t magic_;
  std::uint64_t next_number_ = 1;
  SyntheticNode root_;
};

// The content of /proc and /sys (guest/linux/proc). The tree already holds self, thread-self, and
// {pid}/{fd,exe,cwd,root}, which need the file system's own knowledge.
void add_proc_content(SyntheticTree &proc);
void add_sys_content(SyntheticTree &sys);

} // namespace pagoda::kernel
