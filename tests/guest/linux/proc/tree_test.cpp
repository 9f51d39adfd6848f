// The registered trees, read as a guest would.
#include "guest/linux/fs/synthetic.hpp"

#include "tests/guest/linux/syscall/call_world.hpp"

namespace pagoda::kernel {
namespace {

class ProcTree : public test::CallWorld {
protected:
  ProcTree() : proc("/proc", 5, 0x9fa0), sys("/sys", 6, 0x62656572) {
    add_proc_content(proc);
    add_sys_content(sys);
    process->image.arguments = {kScratch, kScratch + 8};
    process->image.environment = {kScratch + 8, kScratch + 16};
    process->image.auxv = {6, 4096, 0, 0};
  }

  const SyntheticNode *find(const SyntheticTree &tree, std::string_view path, View &view) {
    const SyntheticNode *node = &tree.root();
    while (node != nullptr && !path.empty()) {
      const std::string_view name = path.substr(0, path.find('/'));
      node = tree.child(*node, name, view);
      path.remove_prefix(std::min(path.size(), name.size() + 1));
    }
    return node;
  }
  View view() {
    View v;
    v.kernel = kernel.get();
    v.viewer = process;
    return v;
  }
  Content read_file(const SyntheticTree &tree, std::string_view path) {
    View v = view();
    const SyntheticNode *node = find(tree, path, v);
    if (node == nullptr || !node->generate) return unexpected(ENOENT);
    return node->generate(v);
  }
  int store(std::string_view path, std::string_view text) {
    View v = view();
    const SyntheticNode *node = find(proc, path, v);
    return node == nullptr || !node->store ? -1 : node->store(v, text);
  }

  SyntheticTree proc, sys;
};

TEST_F(ProcTree, EveryFileOfAProcessHasContent) {
  ASSERT_TRUE(fault::write_value(
      *space, kScratch,
      std::array<char, 16>{'p', 'r', 'o', 'g', '\0', '-', 'v', '\0', 'A', '=', '1', '\0', 'B', '=', '2', '\0'}));
  for (const char *name : {"stat", "status", "statm", "maps", "smaps", "smaps_rollup", "limits", "comm", "oom_score",
                           "oom_score_adj", "cgroup", "loginuid", "wchan", "numa_maps"}) {
    for (const char *base : {"1/", "1/task/1/"}) {
      const Content text = read_file(proc, std::string(base) + name);
      ASSERT_TRUE(text) << base << name;
      EXPECT_FALSE(text->empty()) << base << name;
    }
  }
  EXPECT_EQ(*read_file(proc, "1/cmdline"), std::string("prog\0-v\0", 8));
  EXPECT_EQ(*read_file(proc, "1/environ"), std::string("A=1\0B=2\0", 8));
  EXPECT_EQ(read_file(proc, "1/auxv")->size(), 32u);
  EXPECT_EQ(*read_file(proc, "1/comm"), "test\n");
  EXPECT_FALSE(read_file(proc, "2/stat"));
  EXPECT_FALSE(read_file(proc, "1/task/9/stat"));
}

TEST_F(ProcTree, AProcessThatIsGoneIsEsrchAndAZombieHasNoMemory) {
  add_process(2, 1);
  View v = view();
  const SyntheticNode *maps = find(proc, "2/maps", v);
  ASSERT_NE(maps, nullptr);
  {
    const LockGuard guard(kernel->mutex);
    kernel->find_process(2)->zombie = true;
    kernel->find_process(2)->space = nullptr;
  }
  EXPECT_EQ(*maps->generate(v), "");
  EXPECT_NE(read_file(proc, "2/stat")->find(" Z "), std::string::npos);
  {
    const LockGuard guard(kernel->mutex);
    kernel->processes.erase(2);
  }
  EXPECT_EQ(maps->generate(v).error(), ESRCH);
}

TEST_F(ProcTree, KnobsCheckWhatTheyAreTold) {
  EXPECT_EQ(store("1/comm", "a-name-that-is-too-long\n"), 0);
  EXPECT_EQ(*read_file(proc, "1/comm"), "a-name-that-is-\n");
  EXPECT_EQ(store("1/oom_score_adj", "300\n"), 0);
  EXPECT_EQ(*read_file(proc, "1/oom_score_adj"), "300\n");
  EXPECT_EQ(store("1/oom_score_adj", "1001"), EINVAL);
  EXPECT_EQ(store("1/oom_score_adj", "x"), EINVAL);
  EXPECT_EQ(store("sys/kernel/hostname", "box\n"), 0);
  EXPECT_EQ(*read_file(proc, "sys/kernel/hostname"), "box\n");
  process->credentials.euid = 1000;
  EXPECT_EQ(store("1/oom_score_adj", "100"), EACCES);
  EXPECT_EQ(store("sys/kernel/hostname", "other"), EPERM);
  add_process(2, 1);
  EXPECT_EQ(store("2/comm", "x"), EINVAL);
  EXPECT_EQ(read_file(proc, "2/maps").error(), EACCES);
}

TEST_F(ProcTree, TheMachineIsTheGuestsOwn) {
  for (const char *name : {"meminfo", "stat", "cpuinfo", "uptime", "loadavg", "version", "cmdline", "filesystems",
                           "vmstat", "buddyinfo", "zoneinfo", "pagetypeinfo", "slabinfo", "swaps",
                           "sys/kernel/osrelease", "sys/kernel/pid_max", "sys/vm/overcommit_memory", "sys/fs/nr_open"})
    EXPECT_TRUE(read_file(proc, name) && !read_file(proc, name)->empty()) << name;
  const auto managed = std::to_string(memory->counters().managed * 4) + " kB";
  EXPECT_NE(read_file(proc, "meminfo")->find(managed), std::string::npos);
  EXPECT_EQ(*read_file(proc, "sys/kernel/random/boot_id"), *read_file(proc, "sys/kernel/random/boot_id"));
  EXPECT_NE(*read_file(proc, "sys/kernel/random/uuid"), *read_file(proc, "sys/kernel/random/uuid"));
  EXPECT_EQ(read_file(proc, "sys/kernel/random/uuid")->size(), 37u);
  EXPECT_EQ(*read_file(sys, "devices/system/cpu/online"), "0\n");
  EXPECT_EQ(*read_file(sys, "devices/system/node/node0/cpumap"), "1\n");
  EXPECT_EQ(read_file(sys, "devices/system/node/node1/cpumap").error(), ENOENT);
  EXPECT_EQ(*read_file(sys, "kernel/mm/transparent_hugepage/enabled"), "always madvise [never]\n");
  EXPECT_EQ(read_file(sys, "fs/cgroup").error(), ENOENT);
}

} // namespace
} // namespace pagoda::kernel
