// Names of processor features as /proc/cpuinfo lists them, and where CPUID shows each.
//
// Source: Intel SDM vol. 2A (CPUID), AMD APM vol. 3 appendix E; names as in Linux's cpufeatures.h.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pagoda::kernel {

enum class CpuidRegister : std::uint8_t { Eax, Ebx, Ecx, Edx };

struct CpuFlag {
  std::uint32_t leaf;
  std::uint32_t subleaf;
  CpuidRegister where;
  unsigned bit;
  std::string_view name;
};

// In the order in which Linux prints them.
[[nodiscard]] std::span<const CpuFlag> cpu_flags();

} // namespace pagoda::kernel
