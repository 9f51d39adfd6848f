// The parts of vmm that need no KVM: slot numbers, stub pages, joined ranges, host probe, vDSO.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "vmm/backing.hpp"
#include "vmm/carrier/carriers.hpp"
#include "vmm/doctor/costs.hpp"
#include "vmm/host_probe.hpp"
#include "vmm/memslots.hpp"
#include "vmm/vcpu.hpp"
#include "vmm/vdso_getcpu.hpp"
#include "vmm/vdso_slot.hpp"

namespace pagoda::vmm {
namespace {

TEST(SlotNumbers, LowestFirstUpToTheLimitAndBack) {
  SlotNumbers numbers(3);
  EXPECT_EQ(numbers.take(), 0u);
  EXPECT_EQ(numbers.take(), 1u);
  EXPECT_EQ(numbers.take(), 2u);
  EXPECT_EQ(numbers.take(), std::nullopt);
  EXPECT_TRUE(numbers.give_back(1));
  EXPECT_FALSE(numbers.give_back(1));
  EXPECT_FALSE(numbers.give_back(9));
  EXPECT_EQ(numbers.take(), 1u);
}

TEST(JoinedRanges, NeighboursAndOverlapsBecomeOne) {
  const auto leaf = [](std::uint64_t frame, std::uint32_t frames = 1) {
    return table::StaleLeaf{Gva(0x1000), Gfn(frame), frames};
  };
  const std::array leaves{leaf(9), leaf(5), leaf(4), leaf(6), leaf(512, 512), leaf(600), leaf(5)};
  const auto ranges = joined_ranges(leaves);
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0], (GfnRange{Gfn(4), Gfn(7)}));
  EXPECT_EQ(ranges[1], (GfnRange{Gfn(9), Gfn(10)}));
  EXPECT_EQ(ranges[2], (GfnRange{Gfn(512), Gfn(1024)}));
  EXPECT_TRUE(joined_ranges({}).empty());
}

// A directory that looks like /sys/module.
class ModuleDirectory {
public:
  ModuleDirectory() : path_(std::filesystem::temp_directory_path() / ("pagoda-modules-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~ModuleDirectory() { std::filesystem::remove_all(path_); }
  void parameter(const std::string &module, const std::string &name, const std::string &value) const {
    std::filesystem::create_directories(path_ / module / "parameters");
    std::ofstream(path_ / module / "parameters" / name) << value << '\n';
  }
  void module(const std::string &name) const { std::filesystem::create_directories(path_ / name); }
  [[nodiscard]] std::string path() const { return path_.string(); }

private:
  std::filesystem::path path_;
};

TEST(HostProbe, KindComesFromTheModulesParameter) {
  struct Row {
    const char *module, *name, *value;
    HostKind kind;
  };
  const Row rows[] = {{"kvm_intel", "ept", "Y", HostKind::Ept},
                      {"kvm_intel", "ept", "N", HostKind::Shadow},
                      {"kvm_amd", "npt", "1", HostKind::Npt},
                      {"kvm_amd", "npt", "0", HostKind::Shadow},
                      {"kvm_amd", "npt", "Y", HostKind::Npt}};
  for (const Row &row : rows) {
    const ModuleDirectory modules;
    modules.parameter(row.module, row.name, row.value);
    const HostProbe probe = probe_kind(modules.path());
    EXPECT_EQ(probe.kind, row.kind) << row.module << ' ' << row.value;
    EXPECT_NE(probe.evidence.find(row.module), std::string::npos);
  }
}

TEST(HostProbe, PvmIsToldByItsModuleAndTheUnknownIsTakenForShadow) {
  const ModuleDirectory modules;
  EXPECT_EQ(probe_kind(modules.path()).kind, HostKind::Shadow);
  modules.module("kvm_pvm");
  EXPECT_EQ(probe_kind(modules.path()).kind, HostKind::Pvm);
}

TEST(KvmSystem, ErrorsAreOneSentenceWithAWayOut) {
  const auto absent = KvmSystem::open("/nonexistent/kvm");
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().problem, HostError::Problem::NoDevice);
  EXPECT_NE(absent.error().text.find("/nonexistent/kvm"), std::string::npos);
  EXPECT_NE(absent.error().text.find("modprobe"), std::string::npos);
  const auto other = KvmSystem::open("/dev/null");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().problem, HostError::Problem::WrongVersion);
  for (const auto &text : {absent.error().text, other.error().text}) {
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(text.back(), '.');
  }
}

TEST(ProcessVmConfig, NonsenseIsRefusedBeforeTheHostIsAsked) {
  ProcessVmConfig config;
  config.memory_bytes = 1024;
  EXPECT_FALSE(ProcessVm::create(config).has_value());
  config.memory_bytes = ~0ull;
  EXPECT_FALSE(ProcessVm::create(config).has_value());
  config = {};
  config.cpus = 0;
  EXPECT_FALSE(ProcessVm::create(config).has_value());
  config.cpus = kMaximumCpus + 1;
  EXPECT_FALSE(ProcessVm::create(config).has_value());
}

TEST(HostVdso, DataPagesMustLieDirectlyBeforeTheCode) {
  const auto found = find_host_vdso("7f0000000000-7f0000004000 r--p 00000000 00:00 0    [vvar]\n"
                                    "7f0000004000-7f0000006000 r--p 00000000 00:00 0    [vvar_vclock]\n"
                                    "7f0000006000-7f0000008000 r-xp 00000000 00:00 0    [vdso]\n"
                                    "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0    [stack]\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->begin, Hva(0x7f0000000000));
  EXPECT_EQ(found->vvar_pages, 6u);
  EXPECT_EQ(found->vdso_pages, 2u);
  EXPECT_FALSE(find_host_vdso("7f0000000000-7f0000004000 r--p 0 00:00 0 [vvar]\n"
                              "7f0000005000-7f0000006000 r-xp 0 00:00 0 [vdso]\n"));
  EXPECT_FALSE(find_host_vdso("7f0000005000-7f0000006000 r-xp 0 00:00 0 [vdso]\n"));
  EXPECT_FALSE(find_host_vdso("x [vvar]\n7f0000005000-7f0000006000 r-xp 0 00:00 0 [vdso]"));
  EXPECT_FALSE(find_host_vdso(""));
}

TEST(Stub, PositionsCoverTheEntryWithoutGaps) {
  using State = stub::SyscallPosition::State;
  for (const auto entry : {stub::SyscallEntry::Cpl0, stub::SyscallEntry::Cpl3}) {
    EXPECT_EQ(stub::syscall_position(entry, 0).state, State::Pending);
    EXPECT_FALSE(stub::syscall_position(entry, 0).return_in_r11);
    std::uint64_t end = 0;
    while (stub::syscall_position(entry, end).state != State::Outside) ++end;
    EXPECT_LT(end, std::uint64_t(PAGODA_STUB_PID)) << "the code reaches into its data";
    EXPECT_EQ(stub::syscall_position(entry, kPageSize).state, State::Outside);
    EXPECT_EQ(stub::syscall_position(entry, ~0ull).state, State::Outside);
  }
}

TEST(VdsoGetcpu, BecomesASystemCallAndRubbishIsRefused) {
  std::ifstream maps("/proc/self/maps");
  const auto vdso = find_host_vdso(std::string(std::istreambuf_iterator<char>(maps), {}));
  if (!vdso) GTEST_SKIP() << "this host has no vDSO";
  const Hva code = vdso->begin + (vdso->vvar_pages << kPageShift);
  const auto *own = reinterpret_cast<const std::byte *>(code.value());
  std::vector<std::byte> image(own, own + (vdso->vdso_pages << kPageShift));
  const std::vector<std::byte> before = image;
  ASSERT_TRUE(redirect_getcpu(image));
  std::size_t first = 0, last = 0;
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (image[i] == before[i]) continue;
    if (last == 0) first = i;
    last = i;
  }
  EXPECT_LT(last - first, 8u) << "the function alone";
  const std::byte call[] = {std::byte{0x0f}, std::byte{0x05}, std::byte{0xc3}};
  const std::span<std::byte> changed = std::span(image).subspan(first - 7, 16);
  EXPECT_NE(std::ranges::search(changed, call).begin(), changed.end());
  // Cut anywhere it is refused or still well formed, and nothing outside is touched.
  for (std::size_t length = 0; length < image.size(); length += 37) {
    std::vector<std::byte> cut(before.begin(), before.begin() + std::ptrdiff_t(length));
    (void)redirect_getcpu(cut);
  }
  for (std::size_t i = 0; i < kPageSize; ++i) {
    std::vector<std::byte> wrong = before;
    wrong[i] ^= std::byte{0xff};
    (void)redirect_getcpu(wrong);
  }
  std::vector<std::byte> nothing(4096);
  EXPECT_FALSE(redirect_getcpu(nothing));
}

TEST(Stub, NoPortIsOpenToPrograms) {
  std::array<std::byte, kPageSize> page{};
  stub::build_descriptor_page(page, 0, 0);
  const auto *bitmap = page.data() + abi::kTssOffset + abi::kTssSize;
  for (unsigned byte = 0; byte <= abi::kIoBitmapBytes; ++byte) EXPECT_EQ(bitmap[byte], std::byte{0xff});
}

TEST(CpuFeatures, WhatDoesNotFitTheSavedStateIsNotOffered) {
  CpuidTable cpuid(5);
  auto entries = cpuid.entries();
  std::ranges::fill(entries, kvm_cpuid_entry2{});
  entries[0].function = 1;
  entries[0].ecx = 1u << 26;
  const auto leaf_d = [&](unsigned slot, unsigned index, unsigned eax, unsigned ebx) {
    entries[slot].function = 0xd;
    entries[slot].index = index;
    entries[slot].flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    entries[slot].eax = eax;
    entries[slot].ebx = ebx;
  };
  leaf_d(1, 0, 7 | 1u << 5 | 3u << 17, 0);
  leaf_d(2, 2, 256, 576);
  leaf_d(3, 5, 64, 5000);
  leaf_d(4, 18, 8192, 2816);
  const CpuFeatures features = features_of(cpuid);
  EXPECT_EQ(features.xcr0, 7u);
  EXPECT_EQ(features.xsave_size, 832u);
  EXPECT_EQ(cpuid_for(cpuid, 3).find(0xd, 0)->eax, 7u);
  EXPECT_EQ(cpuid_for(cpuid, 3).find(1)->ebx >> 24, 3u);
}

TEST(Backing, IsAlignedAndZeroInBothKinds) {
  for (const Backing kind : {Backing::Anonymous, Backing::Memfd}) {
    const auto memory = BackingMemory::reserve(3ull << 20, kind);
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->base()) % (2u << 20), 0u);
    EXPECT_EQ(memory->size(), 3ull << 20);
    EXPECT_EQ(memory->base()[(3u << 20) - 1], std::byte{0});
    memory->base()[0] = std::byte{1};
  }
  EXPECT_FALSE(BackingMemory::reserve(1ull << 60, Backing::Anonymous).has_value());
  EXPECT_FALSE(BackingMemory::reserve(~0ull, Backing::Anonymous).has_value());
}

TEST(Spread, IsTheMedianWithTheTenthAndNinetiethPercentile) {
  std::vector<std::uint64_t> samples;
  for (std::uint64_t i = 100; i > 0; --i) samples.push_back(i);
  const auto spread = doctor::spread_of(samples);
  EXPECT_EQ(spread.median_ns, 51u);
  EXPECT_EQ(spread.p10_ns, 11u);
  EXPECT_EQ(spread.p90_ns, 91u);
  EXPECT_EQ(spread.samples, 100u);
  samples.clear();
  EXPECT_EQ(doctor::spread_of(samples).samples, 0u);
}

} // namespace
} // namespace pagoda::vmm
