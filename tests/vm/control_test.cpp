// The control socket of a running VM and the commands that ask it, as a user types them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// A guest in the background whose socket lies in a directory of the test's own.
class Vm {
public:
  explicit Vm(const Scratch &scratch, Words words) : output_(scratch.file("out-" + std::to_string(count_++))) {
    words.insert(words.begin(), {in_build("pagoda"), "run"});
    child_ = ::fork();
    if (child_ != 0) return;
    ::setenv("XDG_RUNTIME_DIR", scratch.path().c_str(), 1);
    const int out = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(out, 1);
    std::vector<char *> argv;
    for (const std::string &word : words) argv.push_back(const_cast<char *>(word.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(99);
  }
  ~Vm() { end(SIGKILL); }
  Vm(const Vm &) = delete;
  Vm &operator=(const Vm &) = delete;
  [[nodiscard]] std::string pid() const { return std::to_string(child_); }
  void send(int signal) const { ::kill(child_, signal); }
  int end(int signal) {
    if (child_ <= 0) return -1;
    ::kill(child_, signal);
    bool timed_out = false;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const int code = detail::wait_for(std::exchange(child_, -1), limit, timed_out);
    EXPECT_FALSE(timed_out);
    return code;
  }
  [[nodiscard]] bool says(const std::string &text) const {
    for (int i = 0; i < 2000; ++i) {
      std::ifstream file(output_);
      const std::string all{std::istreambuf_iterator<char>(file), {}};
      if (all.find(text) != std::string::npos) return true;
      ::usleep(10'000);
    }
    return false;
  }

private:
  static inline unsigned count_ = 0;
  std::string output_;
  pid_t child_ = -1;
};

class ControlSocket : public testing::Test {
protected:
  void SetUp() override { ::chmod(scratch_.path().c_str(), 0700); }
  // `pagoda` as it is typed in the environment of the VM.
  Finished pagoda(Words words) {
    words.insert(words.begin(), {"env", "XDG_RUNTIME_DIR=" + scratch_.path(), in_build("pagoda")});
    return run_native(words);
  }
  std::string printed(const Words &words) {
    const Finished done = pagoda(words);
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.err, "");
    return done.out;
  }
  json printed_json(const Words &words) { return json::parse(printed(words)); }
  // Of `ps --json`; null when it is not there. Other tests' VMs may be.
  json listed_once(const std::string &id) {
    const json all = printed_json({"ps", "--json"});
    for (const json &vm : all)
      if (vm["id"] == id) return vm;
    return {};
  }
  // A host under load may take longer than a list waits for.
  json listed(const std::string &id) {
    json found;
    for (int i = 0; i < 20 && (i == 0 || found.contains("problem")); ++i) found = listed_once(id);
    return found;
  }
  [[nodiscard]] std::string socket(const std::string &id) const { return scratch_.file("pagoda/" + id + ".sock"); }

  Scratch scratch_;
  const std::string name_ = "test-" + std::to_string(::getpid());
  // Touches 8 MiB, says so, and goes on.
  const Words guest_ = {"/usr/bin/python3", "-c",
                        "import time\nb = bytearray(8 << 20)\nprint('ready', flush=True)\n"
                        "while True: time.sleep(0.01)"};
  Words named(Words options = {}) const {
    Words words{"--name", name_};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), guest_.begin(), guest_.end());
    return words;
  }
};

TEST_F(ControlSocket, PsListsWhatRuns) {
  Vm vm(scratch_, named({"--memory", "300M", "--cpus", "2"}));
  ASSERT_TRUE(vm.says("ready"));
  const json found = listed(name_);
  EXPECT_EQ(found["name"], name_);
  EXPECT_EQ(found["pid"].dump(), vm.pid());
  EXPECT_EQ(found["program"], "/usr/bin/python3");
  EXPECT_EQ(found["cpus"], 2);
  EXPECT_EQ(found["memory"]["bytes"], 300 << 20);
  EXPECT_GT(found["memory"]["used_bytes"], 8 << 20);
  EXPECT_GT(found["memory"]["resident_bytes"], 8 << 20);
  EXPECT_GT(found["uptime_ns"], 0);
  const std::string table = printed({"ps"});
  EXPECT_THAT(table, HasSubstr("ID "));
  EXPECT_THAT(table, testing::ContainsRegex(name_ + " +" + name_ + " +" + vm.pid() + " +2 +300.0 MiB"));
  EXPECT_THAT(printed({"ps", "--quiet"}), HasSubstr(name_ + "\n"));

  struct stat st{};
  ASSERT_EQ(::stat(socket(name_).c_str(), &st), 0);
  EXPECT_EQ(st.st_mode, mode_t(S_IFSOCK | 0600));
  vm.end(SIGTERM);
  EXPECT_FALSE(std::filesystem::exists(socket(name_)));
  EXPECT_TRUE(listed(name_).is_null());
}

TEST_F(ControlSocket, WithoutANameTheProcessIsTheId) {
  Vm vm(scratch_, guest_);
  ASSERT_TRUE(vm.says("ready"));
  EXPECT_EQ(listed(vm.pid())["name"], nullptr);
  EXPECT_THAT(printed({"stat", vm.pid()}), HasSubstr("python3 runs"));
}

TEST_F(ControlSocket, StatIsTheReportOfARunThatGoesOn) {
  Vm vm(scratch_, named());
  ASSERT_TRUE(vm.says("ready"));
  const std::string text = printed({"stat", name_});
  for (const char *part : {"python3 runs on a ", "exits", "demand-zero", "page tables", "TLB flushes", "system calls"})
    EXPECT_THAT(text, HasSubstr(part));
  const json first = printed_json({"stat", vm.pid(), "--json"});
  EXPECT_EQ(first["running"], true);
  EXPECT_EQ(first["exit_code"], nullptr);
  EXPECT_GT(first["memory"]["peak_resident_bytes"], 8 << 20);
  const json second = printed_json({"stat", name_, "--json"});
  EXPECT_GT(second["time_ns"]["wall"], first["time_ns"]["wall"]);
  EXPECT_GE(second["syscalls"]["total"], first["syscalls"]["total"]);
}

TEST_F(ControlSocket, StatByIntervalsPrintsALineEach) {
  Vm vm(scratch_, named());
  ASSERT_TRUE(vm.says("ready"));
  const std::string lines = printed({"stat", name_, "--interval", "50ms", "--count", "3"});
  EXPECT_EQ(std::ranges::count(lines, '\n'), 4) << lines;
  EXPECT_THAT(lines, HasSubstr("calls/s"));
  const std::string objects = printed({"stat", name_, "--interval", "50ms", "--count", "2", "--json"});
  EXPECT_EQ(std::ranges::count(objects, '\n'), 2);
  EXPECT_TRUE(json::accept(objects.substr(0, objects.find('\n'))));
}

TEST_F(ControlSocket, StatByIntervalsEndsWithTheVm) {
  Vm vm(scratch_, named());
  ASSERT_TRUE(vm.says("ready"));
  Finished done;
  std::thread watching([&] { done = pagoda({"stat", name_, "--interval", "20ms"}); });
  ::usleep(300'000);
  vm.end(SIGTERM);
  watching.join();
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_GT(std::ranges::count(done.out, '\n'), 2);
}

TEST_F(ControlSocket, FiguresOfMemory) {
  Vm vm(scratch_, named({"--memory", "256M"}));
  ASSERT_TRUE(vm.says("ready"));
  EXPECT_THAT(printed({"buddyinfo", name_}), testing::ContainsRegex("Node 0, zone +[A-Za-z0-9]+ +[0-9]+ +[0-9]+"));
  const json buddy = printed_json({"buddyinfo", name_, "--json"});
  std::uint64_t free = 0;
  for (const json &zone : buddy["zones"])
    for (std::size_t order = 0; order < zone["free_blocks"].size(); ++order)
      free += zone["free_blocks"][order].get<std::uint64_t>() << order;
  EXPECT_GT(free, 100u << 8); // 100 MiB, of 256 less what python took
  EXPECT_LT(free, 256u << 8);

  EXPECT_THAT(printed({"buddyinfo", name_, "--fragmentation"}), HasSubstr("Unusable free space index"));
  const json fragmentation = printed_json({"buddyinfo", name_, "--fragmentation", "--json"});
  for (const json &zone : fragmentation["zones"]) {
    const auto indices = zone["unusable_free_index_permille"].get<std::vector<unsigned>>();
    EXPECT_EQ(indices.size(), zone["free_blocks"].size());
    EXPECT_TRUE(std::ranges::is_sorted(indices));
  }

  EXPECT_THAT(printed({"zoneinfo", name_}), HasSubstr("pages free"));
  std::uint64_t managed = 0;
  const json zones = printed_json({"zoneinfo", name_, "--json"});
  for (const json &zone : zones["zones"]) managed += zone["managed"].get<std::uint64_t>();
  EXPECT_LE(managed, 256u << 8);
  EXPECT_GT(managed, 250u << 8);
  EXPECT_THAT(printed({"pagetypeinfo", name_}), HasSubstr("Page block order: 9"));
  EXPECT_GT(printed_json({"pagetypeinfo", name_, "--json"})["zones"][0]["pageblocks"]["Movable"], 0);
  EXPECT_THAT(printed({"slabinfo", name_}), HasSubstr("slabinfo - version: 2.1"));
  EXPECT_TRUE(printed_json({"slabinfo", name_, "--json"})["caches"].is_array());
  EXPECT_EQ(pagoda({"vmallocinfo", name_}).code, 0);
  EXPECT_TRUE(printed_json({"vmallocinfo", name_, "--json"})["areas"].is_array());
}

TEST_F(ControlSocket, NodesAndTheirPages) {
  Vm vm(scratch_, named({"--memory", "256M", "--cpus", "2", "--nodes", "2"}));
  ASSERT_TRUE(vm.says("ready"));
  const std::string text = printed({"numa", name_});
  for (const char *part : {"available: 2 nodes", "node 1 size:", "node distances:", "numa_hit"})
    EXPECT_THAT(text, HasSubstr(part));
  const json nodes = printed_json({"numa", name_, "--json"})["nodes"];
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_GT(nodes[0]["numa_hit"].get<std::uint64_t>() + nodes[1]["numa_hit"].get<std::uint64_t>(), 2048u);
}

TEST_F(ControlSocket, PagesHaveOwnersZonesAndKinds) {
  Vm vm(scratch_, named({"--memory", "256M"}));
  ASSERT_TRUE(vm.says("ready"));
  EXPECT_THAT(printed({"pages", name_}), HasSubstr("python3 (1)"));
  const auto frames = [&](const char *by) {
    std::map<std::string, std::uint64_t> counted;
    const json answer = printed_json({"pages", name_, "--by", by, "--json"});
    for (const json &row : answer["rows"]) counted[row[by]] = row["frames"];
    return counted;
  };
  EXPECT_GT(frames("owner")["python3 (1)"], 2048u); // 8 MiB
  const auto kinds = frames("kind");
  EXPECT_GT(kinds.at("anonymous"), 2048u);
  EXPECT_GT(kinds.at("table"), 3u);
  EXPECT_GT(kinds.at("free"), 100u << 8);
  std::uint64_t zones = 0;
  for (const auto &[zone, count] : frames("zone")) zones += count;
  EXPECT_GT(zones, 250u << 8);
  EXPECT_LE(zones, 256u << 8);
  EXPECT_EQ(pagoda({"pages", name_, "--by", "colour"}).code, 125);
}

TEST_F(ControlSocket, ADeadVmsSocketIsTidiedUp) {
  Vm vm(scratch_, named());
  ASSERT_TRUE(vm.says("ready"));
  vm.end(SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(socket(name_)));
  EXPECT_TRUE(listed(name_).is_null());
  EXPECT_FALSE(std::filesystem::exists(socket(name_)));
  EXPECT_THAT(pagoda({"stat", name_}).err, HasSubstr(name_));
}

TEST_F(ControlSocket, ADeadVmsNameCanBeTaken) {
  Vm first(scratch_, named());
  ASSERT_TRUE(first.says("ready"));
  first.end(SIGKILL);
  Vm second(scratch_, named());
  ASSERT_TRUE(second.says("ready"));
  EXPECT_EQ(listed(name_)["pid"].dump(), second.pid());
}

TEST_F(ControlSocket, ALivingVmsNameCannot) {
  Vm vm(scratch_, named());
  ASSERT_TRUE(vm.says("ready"));
  const Finished second = pagoda({"run", "--name", name_, "/bin/true"});
  EXPECT_EQ(second.code, 125);
  EXPECT_THAT(second.err, HasSubstr("--name: a VM named \"" + name_ + "\" is running"));
  const Finished bad = pagoda({"run", "--name", "17", "/bin/true"});
  EXPECT_EQ(bad.code, 125);
  EXPECT_THAT(bad.err, HasSubstr("--name"));
}

TEST_F(ControlSocket, WhatIsNotThereIsSaid) {
  const Finished none = pagoda({"stat", "no-such-vm"});
  EXPECT_EQ(none.code, 125);
  EXPECT_THAT(none.err, HasSubstr("no VM \"no-such-vm\" is running"));
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(pagoda({"stat", name_, "--interval", "soon"}).code, 125);
  EXPECT_EQ(pagoda({"stat", name_, "--count", "3"}).code, 125);
}

// A stopped process takes connections and says nothing: a list shows it and does not hang.
TEST_F(ControlSocket, AStoppedVmIsListedAsSilent) {
  Vm vm(scratch_, named());
  ASSERT_TRUE(vm.says("ready"));
  vm.send(SIGSTOP);
  const json found = listed_once(name_);
  vm.send(SIGCONT);
  EXPECT_THAT(found.value("problem", ""), HasSubstr("did not answer"));
  EXPECT_EQ(listed(name_)["pid"].dump(), vm.pid());
}

// Whatever a client sends, the guest goes on and the next client is answered.
TEST_F(ControlSocket, AHostileClientHarmsNobody) {
  Vm vm(scratch_, named());
  ASSERT_TRUE(vm.says("ready"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The socket's own path may be too long for an address.
  const int directory = ::open(scratch_.file("pagoda").c_str(), O_PATH | O_DIRECTORY);
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s.sock", directory, name_.c_str());
  std::vector<int> clients;
  for (int i = 0; i < 12; ++i) {
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
    clients.push_back(client);
  }
  std::string rubbish;
  for (int i = 0; i < 1 << 20; ++i) rubbish += char(i * 7 + i / 256);
  const std::string deep(60'000, '['), half = R"({"v":1,"id":1,"ask":"st)";
  std::string asks;
  for (int i = 0; i < 2000; ++i) asks += "{\"v\":1,\"ask\":\"stat\"}\n";
  for (int i = 0; i < 3; ++i) {
    ::send(clients[std::size_t(i) * 4], rubbish.data(), rubbish.size(), MSG_NOSIGNAL);
    ::send(clients[std::size_t(i) * 4 + 1], deep.data(), deep.size(), MSG_NOSIGNAL);
    ::send(clients[std::size_t(i) * 4 + 2], half.data(), half.size(), MSG_NOSIGNAL);
    ::send(clients[std::size_t(i) * 4 + 3], asks.data(), asks.size(), MSG_NOSIGNAL); // and never reads
  }
  EXPECT_EQ(listed(name_)["pid"].dump(), vm.pid());
  for (const int client : clients) ::close(client);
  ::close(directory);
  EXPECT_EQ(listed(name_)["pid"].dump(), vm.pid());
  EXPECT_EQ(vm.end(SIGTERM), 128 + SIGTERM);
}

// The guest sees the host's files, but neither the sockets nor their directory, however it comes there.
TEST_F(ControlSocket, IsOutOfTheGuestsReach) {
  Vm vm(scratch_, named());
  ASSERT_TRUE(vm.says("ready"));
  const std::string directory = scratch_.file("pagoda");
  // A build below /tmp is out of a guest's sight altogether: that is out of its reach, too.
  const std::string attempt = "import os, socket, sys\n"
                              "try: os.chdir('" +
                              scratch_.path() +
                              "')\n"
                              "except OSError: sys.exit(print('failed\\n' * 7, end=''))\n"
                              "def attempt(what, f):\n"
                              "  try: f(); print(what, 'worked')\n"
                              "  except OSError as e: print(what, 'failed', e.errno)\n"
                              "def connect(path):\n"
                              "  s = socket.socket(socket.AF_UNIX); s.connect(path)\n"
                              "d, n = 'pagoda', '" +
                              name_ +
                              ".sock'\n"
                              "attempt('connect', lambda: connect(d + '/' + n))\n"
                              "attempt('dotdot', lambda: connect('pagoda/../pagoda/' + n))\n"
                              "attempt('list', lambda: os.listdir(d))\n"
                              "attempt('chdir', lambda: os.chdir(d))\n"
                              "attempt('open', lambda: os.open(d + '/' + n, os.O_PATH))\n"
                              "attempt('unlink', lambda: os.unlink(d + '/' + n))\n"
                              "attempt('make', lambda: open(d + '/new', 'w'))\n";
  for (const Words &options : {Words{},
                               {"--net", "host"},
                               {"--bind", scratch_.path() + ":" + scratch_.path() + ":rw"},
                               {"--net", "host", "--bind", scratch_.path() + ":" + scratch_.path() + ":rw"}}) {
    Words words{"run"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"/usr/bin/python3", "-c", attempt});
    const std::string out = printed(words);
    EXPECT_THAT(out, Not(HasSubstr("worked")));
    EXPECT_EQ(std::ranges::count(out, '\n'), 7) << out;
  }
  EXPECT_TRUE(std::filesystem::exists(socket(name_)));
  EXPECT_EQ(listed(name_)["pid"].dump(), vm.pid());
}

// A directory that others could use is not used: the program runs, and only a name is owed.
TEST_F(ControlSocket, ADirectoryThatCannotBeTrustedIsPassedOver) {
  std::filesystem::create_directory(scratch_.file("pagoda"));
  ::chmod(scratch_.file("pagoda").c_str(), 0777);
  EXPECT_EQ(pagoda({"run", "/bin/echo", "runs"}).out, "runs\n");
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.file("pagoda")));
}

} // namespace
} // namespace pagoda::test
