#include "tools/pagoda/options/run_options.hpp"

#include <gtest/gtest.h>

namespace pagoda::tools {
namespace {

RunArguments program() {
  RunArguments arguments;
  arguments.command = {"prog", "-x", "--memory"};
  return arguments;
}

std::string error_of(const RunArguments &arguments) {
  const auto options = check(arguments);
  return options ? "no error" : options.error();
}

TEST(RunOptions, DefaultsAreWhatHelpSays) {
  const auto options = check(program());
  ASSERT_TRUE(options);
  EXPECT_EQ(options->memory, 1ull << 30);
  EXPECT_EQ(options->cpus, 1u);
  EXPECT_EQ(options->topology.nodes.size(), 1u);
  EXPECT_EQ(options->topology.bytes(), options->memory);
  EXPECT_FALSE(options->timeout);
  EXPECT_FALSE(options->network_host);
  EXPECT_EQ(options->mounts.root, "/");
  EXPECT_TRUE(options->mounts.private_tmp);
  EXPECT_EQ(options->program, "prog");
  EXPECT_EQ(options->arguments, (std::vector<std::string>{"-x", "--memory"}));
}

TEST(RunOptions, TakesEveryValue) {
  RunArguments a = program();
  a.memory = "64M";
  a.cpus = "4";
  a.nodes = "2";
  a.movable = "16M";
  a.pmem = "/data/with\\:colon:64M";
  a.slab = "slob";
  a.timeout = "2s";
  a.net = "host";
  a.backing = "memfd";
  a.seed = "0x2a";
  a.stats = "json";
  a.trace = "faults,malloc";
  a.trace_file = "t";
  a.working_directory = "/w";
  a.environment = {"A=b"};
  const auto o = check(a);
  ASSERT_TRUE(o) << o.error();
  EXPECT_EQ(o->memory, 64ull << 20);
  EXPECT_EQ(o->cpus, 4u);
  EXPECT_EQ(o->topology.nodes.size(), 2u);
  EXPECT_EQ(o->topology.bytes(), o->memory);
  EXPECT_EQ(o->topology.movable_bytes, 16ull << 20);
  EXPECT_EQ(o->pmem.value().path, "/data/with:colon");
  EXPECT_EQ(o->pmem.value().bytes, 64ull << 20);
  EXPECT_TRUE(o->mounts.pmem);
  EXPECT_EQ(o->slab, phys::SlabPolicy::Slob);
  EXPECT_EQ(o->timeout, std::chrono::seconds(2));
  EXPECT_TRUE(o->network_host);
  EXPECT_EQ(o->backing, BackingChoice::Memfd);
  EXPECT_EQ(o->seed, 42u);
  EXPECT_EQ(o->stats, StatsFormat::Json);
  EXPECT_EQ(o->trace, (TraceChoice{.faults = true, .malloc = true}));
}

// Every error names its option and what to give instead.
TEST(RunOptions, ErrorsNameOptionAndFix) {
  struct Wrong {
    const char *option;
    void (*spoil)(RunArguments &);
  };
  const Wrong all[] = {
      {"--memory", [](RunArguments &a) { a.memory = "12Q"; }},
      {"--memory", [](RunArguments &a) { a.memory = "1K"; }},
      {"--memory", [](RunArguments &a) { a.memory = "2000T"; }},
      {"--cpus", [](RunArguments &a) { a.cpus = "0"; }},
      {"--cpus", [](RunArguments &a) { a.cpus = "65"; }},
      {"--cpus", [](RunArguments &a) { a.cpus = "two"; }},
      {"--nodes", [](RunArguments &a) { a.nodes = "65"; }},
      {"--nodes", [](RunArguments &a) { a.nodes = "64M@1"; }},
      {"--nodes", [](RunArguments &a) { a.nodes = "2T"; }},
      {"--nodes",
       [](RunArguments &a) {
         a.nodes = "64M+64M";
         a.memory = "1G";
       }},
      {"--movable", [](RunArguments &a) { a.movable = "lots"; }},
      {"--pmem", [](RunArguments &a) { a.pmem = ":64M"; }},
      {"--pmem", [](RunArguments &a) { a.pmem = "file:lots"; }},
      {"--pmem", [](RunArguments &a) { a.pmem = "file:5000"; }},
      {"--slab", [](RunArguments &a) { a.slab = "slug"; }},
      {"--layout", [](RunArguments &a) { a.layout = "16"; }},
      {"--layout",
       [](RunArguments &a) {
         a.layout = "32";
         a.memory = "64G";
       }},
      {"--movable", [](RunArguments &a) { a.movable = "1G"; }},
      {"--timeout", [](RunArguments &a) { a.timeout = "soon"; }},
      {"--root", [](RunArguments &a) { a.root = "/does/not/exist"; }},
      {"--bind", [](RunArguments &a) { a.binds = {"/etc"}; }},
      {"--bind", [](RunArguments &a) { a.binds = {"/etc:relative"}; }},
      {"--bind", [](RunArguments &a) { a.binds = {"/etc:/x:rx"}; }},
      {"--bind", [](RunArguments &a) { a.binds = {"/does/not/exist:/x"}; }},
      {"--env", [](RunArguments &a) { a.environment = {"NAME"}; }},
      {"--env", [](RunArguments &a) { a.environment = {"=value"}; }},
      {"--workdir", [](RunArguments &a) { a.working_directory = "here"; }},
      {"--net", [](RunArguments &a) { a.net = "some"; }},
      {"--backing", [](RunArguments &a) { a.backing = "disk"; }},
      {"--seed", [](RunArguments &a) { a.seed = "x"; }},
      {"--stats", [](RunArguments &a) { a.stats = "xml"; }},
      {"--trace", [](RunArguments &a) { a.trace = "faults,tlbs"; }},
      {"--trace-file", [](RunArguments &a) { a.trace_file = "somewhere"; }},
  };
  for (const Wrong &wrong : all) {
    RunArguments arguments = program();
    wrong.spoil(arguments);
    const std::string error = error_of(arguments);
    EXPECT_TRUE(error.starts_with(std::string(wrong.option) + ":")) << error;
    EXPECT_TRUE(error.find("give") != std::string::npos || error.find("write") != std::string::npos ||
                error.find("add") != std::string::npos)
        << error;
  }
}

TEST(RunOptions, LayoutChoosesTheZones) {
  EXPECT_EQ(check(program())->topology.layout, phys::LayoutKind::Flat64);
  RunArguments a = program();
  a.layout = "32";
  a.memory = "2G";
  a.nodes = "2";
  const auto o = check(a);
  ASSERT_TRUE(o) << o.error();
  EXPECT_EQ(o->topology.layout, phys::LayoutKind::Split32);
  a.memory = "63G";
  EXPECT_TRUE(check(a)) << "what PAE reaches, around the hole below 4G";
}

TEST(RunOptions, NeedsAProgram) { EXPECT_NE(error_of(RunArguments{}).find("PROGRAM"), std::string::npos); }

TEST(Bind, PartsAndEscapes) {
  const auto plain = parse_bind("/a:/b");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->source, "/a");
  EXPECT_EQ(plain->destination, "/b");
  EXPECT_EQ(plain->writable, kernel::Writable::No);
  const auto writable = parse_bind("x:/b:rw");
  ASSERT_TRUE(writable);
  EXPECT_EQ(writable->writable, kernel::Writable::Yes);
  const auto colon = parse_bind("/a\\:b:/c");
  ASSERT_TRUE(colon);
  EXPECT_EQ(colon->source, "/a:b");
  EXPECT_FALSE(parse_bind(":/b"));
  EXPECT_FALSE(parse_bind("/a:/b:rw:x"));
}

} // namespace
} // namespace pagoda::tools
