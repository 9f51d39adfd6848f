#include "guest/linux/proc/machine_text.hpp"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

#include "guest/linux/proc/cpuinfo.hpp"
#include "guest/linux/proc/memory_text.hpp"

namespace pagoda::kernel {
namespace {

TEST(MachineText, StatUptimeAndLoadFollowTheFigures) {
  MachineFigures f;
  f.cpus = {{1'000'000'000, 500'000'000}, {0, 0}};
  f.uptime_ns = 10'250'000'000;
  f.boot_time = 1700000000;
  f.switches = 7;
  f.created = 3;
  f.tasks = {5, 2, 1};
  f.load = {0.5, 0.25, 1.005};
  f.last_tid = 9;
  EXPECT_EQ(stat_text(f), "cpu  100 0 50 1900 0 0 0 0 0 0\n"
                          "cpu0 100 0 50 875 0 0 0 0 0 0\n"
                          "cpu1 0 0 0 1025 0 0 0 0 0 0\n"
                          "intr 0\nctxt 7\nbtime 1700000000\nprocesses 3\nprocs_running 2\nprocs_blocked 0\n");
  EXPECT_EQ(uptime_text(f), "10.25 19.00\n");
  EXPECT_EQ(loadavg_text(f).substr(0, 10), "0.50 0.25 ");
  EXPECT_TRUE(loadavg_text(f).ends_with(" 2/5 9\n"));
}

TEST(LoadAverage, ApproachesWhatIsActiveAndDecays) {
  LoadAverage load;
  for (int i = 0; i < 60; ++i) load.sample(2.0, 5e9); // five minutes
  EXPECT_NEAR(load.values()[0], 2.0, 0.05);
  EXPECT_NEAR(load.values()[1], 2 * (1 - std::exp(-1.0)), 0.01);
  EXPECT_LT(load.values()[2], load.values()[1]);
  load.sample(0, 60e9);
  EXPECT_NEAR(load.values()[0], 2 * std::exp(-1.0), 0.05);
}

TEST(MemoryText, MeminfoIsReadAsProcpsReadsIt) {
  MemoryFigures m;
  m.total = 1024ull << 20;
  m.free = 512ull << 20;
  m.anonymous = 100ull << 20;
  m.shared = 4ull << 20;
  m.file = 8ull << 20;
  m.slab_reclaimable = 1ull << 20;
  m.slab_unreclaimable = 2ull << 20;
  const std::string text = meminfo_text(m);
  EXPECT_NE(text.find("MemTotal:        1048576 kB\n"), std::string::npos) << text;
  EXPECT_NE(text.find("MemFree:          524288 kB\n"), std::string::npos);
  EXPECT_NE(text.find("AnonPages:         98304 kB\n"), std::string::npos);
  EXPECT_NE(text.find("Slab:               3072 kB\nSReclaimable:       1024 kB\nSUnreclaim:         2048 kB\n"),
            std::string::npos);
  EXPECT_NE(text.find("Cached:            12288 kB\n"), std::string::npos);
  EXPECT_EQ(text.find("HighTotal"), std::string::npos);
  m.has_high = true;
  m.high_total = 128ull << 20;
  m.high_free = 100ull << 20;
  EXPECT_NE(meminfo_text(m).find("SwapCached:            0 kB\n"
                                 "HighTotal:        131072 kB\nHighFree:         102400 kB\n"
                                 "LowTotal:         917504 kB\nLowFree:          421888 kB\nSwapTotal:"),
            std::string::npos);
}

TEST(Cpuinfo, OneBlockAVcpuFromCpuid) {
  const Cpuid cpuid = [](std::uint32_t leaf, std::uint32_t) -> CpuidLeaf {
    CpuidLeaf out;
    switch (leaf) {
    case 0:
      out.eax = 16;
      std::memcpy(&out.ebx, "Auth", 4);
      std::memcpy(&out.edx, "enti", 4);
      std::memcpy(&out.ecx, "cAMD", 4);
      break;
    case 1: out = {0x00a10f11, 0x00000800, 1u << 0 | 1u << 23, 1u << 0 | 1u << 4}; break;
    case 7: out.ebx = 1u << 5; break;
    case 0x80000002: std::memcpy(&out, "A processor     ", 16); break;
    case 0x80000008: out.eax = 48 | 48 << 8; break;
    default: break;
    }
    return out;
  };
  const std::string text = cpuinfo_text(cpuid, 2, 3'250'500);
  EXPECT_NE(text.find("processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n"),
            std::string::npos);
  EXPECT_NE(text.find("model name\t: A processor\nstepping\t: 1\ncpu MHz\t\t: 3250.500\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nprocessor\t: 1\n"), std::string::npos);
  EXPECT_NE(text.find("flags\t\t: fpu tsc pni popcnt avx2\n"), std::string::npos);
  EXPECT_NE(text.find("bogomips\t: 6501.00\nclflush size\t: 64\n"), std::string::npos);
  EXPECT_NE(text.find("address sizes\t: 48 bits physical, 48 bits virtual\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("power management:\n\n"));
}

} // namespace
} // namespace pagoda::kernel
