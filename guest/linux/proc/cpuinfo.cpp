#include "guest/linux/proc/cpuinfo.hpp"

#include <algorithm>
#include <cpuid.h>
#include <cstring>
#include <fmt/format.h>

#include "guest/linux/kernel.hpp"
#include "guest/linux/proc/cpu_flags.hpp"
#include "guest/linux/proc/register.hpp"

namespace pagoda::kernel {

namespace {

constexpr std::uint32_t kExtended = 0x80000000;

std::string vendor(const Cpuid &cpuid) {
  const CpuidLeaf leaf = cpuid(0, 0);
  std::array<char, 13> name{};
  std::memcpy(name.data(), &leaf.ebx, 4);
  std::memcpy(name.data() + 4, &leaf.edx, 4);
  std::memcpy(name.data() + 8, &leaf.ecx, 4);
  return name.data();
}

std::string model_name(const Cpuid &cpuid) {
  std::array<char, 49> name{};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const CpuidLeaf leaf = cpuid(kExtended + 2 + i, 0);
    std::memcpy(name.data() + std::size_t(i) * 16, &leaf, 16);
  }
  std::string text = name.data();
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  text.erase(text.find_last_not_of(' ') + 1);
  return text.empty() ? "unknown" : text;
}

struct Signature {
  unsigned family, model, stepping;
};

Signature signature(const Cpuid &cpuid) {
  const std::uint32_t eax = cpuid(1, 0).eax;
  Signature s{(eax >> 8) & 15, (eax >> 4) & 15, eax & 15};
  if (s.family == 6 || s.family == 15) s.model += ((eax >> 16) & 15) << 4;
  if (s.family == 15) s.family += (eax >> 20) & 255;
  return s;
}

std::uint32_t register_of(const CpuidLeaf &leaf, CpuidRegister which) {
  switch (which) {
  case CpuidRegister::Eax: return leaf.eax;
  case CpuidRegister::Ebx: return leaf.ebx;
  case CpuidRegister::Ecx: return leaf.ecx;
  case CpuidRegister::Edx: return leaf.edx;
  }
  return 0;
}

std::string flags(const Cpuid &cpuid) {
  std::string text;
  for (const CpuFlag &flag : cpu_flags()) {
    if (((register_of(cpuid(flag.leaf, flag.subleaf), flag.where) >> flag.bit) & 1) == 0) continue;
    if (!text.empty()) text += ' ';
    text += flag.name;
  }
  return text;
}

} // namespace

CpuidLeaf host_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  CpuidLeaf result;
  __get_cpuid_count(leaf, subleaf, &result.eax, &result.ebx, &result.ecx, &result.edx);
  return result;
}

std::string cpuinfo_text(const Cpuid &cpuid, unsigned cpus, std::uint64_t tsc_khz) {
  const Signature s = signature(cpuid);
  const unsigned line = ((cpuid(1, 0).ebx >> 8) & 255) * 8;
  const std::uint32_t sizes = cpuid(kExtended + 8, 0).eax;
  const std::uint32_t cache_kb = cpuid(kExtended + 6, 0).ecx >> 16;
  const std::string head =
      fmt::format("vendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: {}\nmodel name\t: {}\nstepping\t: {}\n", vendor(cpuid),
                  s.family, s.model, model_name(cpuid), s.stepping);
  const std::string mhz = tsc_khz == 0 ? "" : fmt::format("cpu MHz\t\t: {}.{:03}\n", tsc_khz / 1000, tsc_khz % 1000);
  const std::string cache = cache_kb == 0 ? "" : fmt::format("cache size\t: {} KB\n", cache_kb);
  // As Linux computes it: loops of delay a second, which is twice the clock where the TSC is used.
  const std::string bogomips = fmt::format("bogomips\t: {}.{:02}\n", tsc_khz / 500, tsc_khz / 5 % 100);
  const std::string tail =
      fmt::format("fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {}\nwp\t\t: yes\nflags\t\t: {}\nbugs\t\t:\n{}"
                  "clflush size\t: {}\ncache_alignment\t: {}\naddress sizes\t: {} bits physical, {} bits virtual\n"
                  "power management:\n\n",
                  cpuid(0, 0).eax, flags(cpuid), bogomips, line, line, sizes & 255, (sizes >> 8) & 255);
  std::string text;
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    text += fmt::format("processor\t: {}\n", cpu) + head + mhz + cache;
    text += fmt::format("physical id\t: 0\nsiblings\t: {}\ncore id\t\t: {}\ncpu cores\t: {}\napicid\t\t: {}\n"
                        "initial apicid\t: {}\n",
                        cpus, cpu, cpus, cpu, cpu);
    text += tail;
  }
  return text;
}

void add_cpuinfo(SyntheticTree &proc) {
  proc.file("cpuinfo", [](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    const Platform &platform = view.kernel->platform();
    return cpuinfo_text(host_cpuid, unsigned(std::max<std::size_t>(1, platform.cpus.size())), platform.tsc_khz);
  });
}

} // namespace pagoda::kernel
