#include "guest/linux/fs/synthetic.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <numeric>
#include <sys/sysmacros.h>

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {
namespace {

// The first component of `path`, which is cut off it.
std::string_view next_component(std::string_view &path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  std::string_view head = path.substr(0, path.find('/'));
  path.remove_prefix(head.size());
  return head;
}

template <class T> bool parse_number(std::string_view text, T &value) {
  // "01" and "+1" name nothing: every object has one name.
  if (text.empty() || text.size() > 10 || (text.size() > 1 && text[0] == '0')) return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool task_exists(const View &view, std::uint32_t tid) {
  LockGuard lock(view.kernel->mutex);
  Task *task = view.kernel->find_task(tid);
  return task != nullptr && task->process().pid() == view.pid;
}

std::shared_ptr<FdTable> descriptors_of(const View &view) {
  LockGuard lock(view.kernel->mutex);
  Process *process = view.kernel->find_process(view.pid);
  return process != nullptr ? process->fds : nullptr;
}

// Members that are numbered with a word in front: CPUs and nodes.
struct Numbered {
  std::string_view pattern, prefix;
  std::uint32_t View::*value;
  std::vector<std::uint32_t> (*members)(const View &);
};

const phys::Topology *topology_of(const View &view) {
  return view.kernel == nullptr ? nullptr : &view.kernel->platform().memory.topology();
}

std::vector<std::uint32_t> up_to(std::size_t count) {
  std::vector<std::uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0u);
  return numbers;
}

constexpr Numbered kNumbered[] = {
    {"{cpu}", "cpu", &View::cpu,
     [](const View &view) { return up_to(view.kernel == nullptr ? 0 : view.kernel->platform().cpus.size()); }},
    {"{node}", "node", &View::node,
     [](const View &view) {
       const phys::Topology *topology = topology_of(view);
       return up_to(topology == nullptr ? 0 : topology->nodes.size());
     }},
    {"{node_cpu}", "cpu", &View::cpu,
     [](const View &view) {
       const phys::Topology *topology = topology_of(view);
       if (topology == nullptr || view.node >= topology->nodes.size()) return std::vector<std::uint32_t>{};
       const auto &cpus = topology->nodes[view.node].cpus;
       return std::vector<std::uint32_t>(cpus.begin(), cpus.end());
     }},
    {"{cpu_node}", "node", &View::node,
     [](const View &view) {
       const phys::Topology *topology = topology_of(view);
       if (topology == nullptr) return std::vector<std::uint32_t>{};
       return std::vector<std::uint32_t>{topology->node_of_cpu(view.cpu)};
     }},
};

const Numbered *numbered(std::string_view pattern) {
  const auto *found = std::ranges::find(kNumbered, pattern, &Numbered::pattern);
  return found == std::end(kNumbered) ? nullptr : found;
}

bool match_numbered(const Numbered &kind, std::string_view name, View &view) {
  std::uint32_t number = 0;
  if (!name.starts_with(kind.prefix) || !parse_number(name.substr(kind.prefix.size()), number)) return false;
  const auto members = kind.members(view);
  if (std::ranges::find(members, number) == members.end()) return false;
  view.*kind.value = number;
  return true;
}

// Whether `name` is a member of a dynamic directory now; fills the view.
bool match_dynamic(const SyntheticNode &node, std::string_view name, View &view) {
  if (view.kernel == nullptr) return false;
  if (const Numbered *kind = numbered(node.dynamic_name)) return match_numbered(*kind, name, view);
  if (node.dynamic_name == "{pid}") {
    if (!parse_number(name, view.pid)) return false;
    LockGuard lock(view.kernel->mutex);
    return view.kernel->find_process(view.pid) != nullptr;
  }
  if (node.dynamic_name == "{tid}") return parse_number(name, view.tid) && task_exists(view, view.tid);
  if (node.dynamic_name == "{fd}") {
    if (!parse_number(name, view.fd)) return false;
    auto fds = descriptors_of(view);
    return fds && fds->get(view.fd) != nullptr;
  }
  return false;
}

std::vector<std::string> dynamic_members(const SyntheticNode &node, const View &view) {
  std::vector<std::string> names;
  if (view.kernel == nullptr) return names;
  const auto add = [&](std::string_view prefix, std::uint64_t value) {
    names.push_back(std::string(prefix) + std::to_string(value));
  };
  if (const Numbered *kind = numbered(node.dynamic_name)) {
    for (const std::uint32_t value : kind->members(view)) add(kind->prefix, value);
    return names;
  }
  if (node.dynamic_name == "{fd}") {
    if (auto fds = descriptors_of(view)) {
      for (int fd : fds->open_descriptors()) add("", std::uint64_t(fd));
    }
    return names;
  }
  LockGuard lock(view.kernel->mutex);
  if (node.dynamic_name == "{pid}") {
    for (const auto &[pid, process] : view.kernel->processes) add("", pid);
  } else if (Process *process = view.kernel->find_process(view.pid)) {
    for (const auto &task : process->tasks) add("", task->tid());
  }
  return names;
}

mode_t type_bits(const SyntheticNode &node) {
  switch (node.kind) {
  case SyntheticNode::Kind::Directory: return S_IFDIR;
  case SyntheticNode::Kind::File: return S_IFREG;
  case SyntheticNode::Kind::Link: return S_IFLNK;
  case SyntheticNode::Kind::Device: return node.device == Device::Pmem ? S_IFBLK : S_IFCHR;
  }
  return S_IFREG;
}

} // namespace

SyntheticTree::SyntheticTree(std::string mount_point, std::uint64_t device, std::uint64_t magic)
    : mount_point_(std::move(mount_point)), device_(device), magic_(magic) {
  root_.number = next_number_++;
}

SyntheticNode &SyntheticTree::place(std::string_view path) {
  SyntheticNode *node = &root_;
  for (std::string_view name = next_component(path); !name.empty(); name = next_component(path)) {
    std::unique_ptr<SyntheticNode> *slot = nullptr;
    if (name.starts_with('{')) {
      node->dynamic_name = name;
      slot = &node->dynamic;
    } else {
      slot = &node->children[std::string(name)];
    }
    if (!*slot) {
      *slot = std::make_unique<SyntheticNode>();
      (*slot)->number = next_number_++;
    }
    node = slot->get();
  }
  return *node;
}

SyntheticNode &SyntheticTree::directory(std::string_view path, mode_t mode) {
  SyntheticNode &node = place(path);
  node.kind = SyntheticNode::Kind::Directory;
  node.mode = mode;
  return node;
}

SyntheticNode &SyntheticTree::file(std::string_view path, Generate generate, mode_t mode) {
  SyntheticNode &node = place(path);
  node.kind = SyntheticNode::Kind::File;
  node.generate = std::move(generate);
  node.mode = mode;
  return node;
}

SyntheticNode &SyntheticTree::knob(std::string_view path, Generate generate, Store store, mode_t mode) {
  SyntheticNode &node = file(path, std::move(generate), mode);
  node.store = std::move(store);
  return node;
}

SyntheticNode &SyntheticTree::link(std::string_view path, Generate target) {
  SyntheticNode &node = place(path);
  node.kind = SyntheticNode::Kind::Link;
  node.generate = std::move(target);
  node.mode = 0777;
  return node;
}

SyntheticNode &SyntheticTree::link(std::string_view path, std::string target) {
  return link(path, [text = std::move(target)](const View &) -> Content { return text; });
}

SyntheticNode &SyntheticTree::device(std::string_view path, Device device, mode_t mode, std::uint32_t major_number,
                                     std::uint32_t minor_number) {
  SyntheticNode &node = place(path);
  node.kind = SyntheticNode::Kind::Device;
  node.device = device;
  node.mode = mode;
  node.rdev = makedev(major_number, minor_number);
  return node;
}

const SyntheticNode *SyntheticTree::child(const SyntheticNode &node, std::string_view name, View &view) const {
  if (auto found = node.children.find(name); found != node.children.end()) return found->second.get();
  if (node.dynamic && match_dynamic(node, name, view)) return node.dynamic.get();
  return nullptr;
}

std::vector<SyntheticTree::Member> SyntheticTree::members(const SyntheticNode &node, const View &view) const {
  std::vector<Member> all;
  for (const auto &[name, sub] : node.children) all.push_back({name, sub.get()});
  if (node.dynamic)
    for (std::string &name : dynamic_members(node, view)) all.push_back({std::move(name), node.dynamic.get()});
  return all;
}

void SyntheticTree::status(const SyntheticNode &node, const View &view, struct stat &out) const {
  out = {};
  out.st_dev = device_;
  // Dynamic nodes: the pattern's number, told apart by whose they are.
  out.st_ino = node.number | (std::uint64_t(view.pid) << 20) | (std::uint64_t(view.tid) << 36) |
               (std::uint64_t(view.fd + 1) << 44) | (std::uint64_t(view.cpu) << 20) | (std::uint64_t(view.node) << 28);
  out.st_mode = type_bits(node) | node.mode;
  out.st_nlink = node.kind == SyntheticNode::Kind::Directory ? 2 + node.children.size() : 1;
  out.st_rdev = node.rdev;
  out.st_blksize = 4096;
  if (node.kind == SyntheticNode::Kind::Link) out.st_size = 64;
  ::clock_gettime(CLOCK_REALTIME_COARSE, &out.st_mtim);
  out.st_atim = out.st_ctim = out.st_mtim;
}

} // namespace pagoda::kernel
