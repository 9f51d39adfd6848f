// /proc/cpuinfo: one block per vCPU, from what CPUID says (programs in the guest read the same).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace pagoda::kernel {

struct CpuidLeaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};
using Cpuid = std::function<CpuidLeaf(std::uint32_t leaf, std::uint32_t subleaf)>;

// Zeros for a leaf that the processor does not have.
[[nodiscard]] CpuidLeaf host_cpuid(std::uint32_t leaf, std::uint32_t subleaf);

[[nodiscard]] std::string cpuinfo_text(const Cpuid &cpuid, unsigned cpus, std::uint64_t tsc_khz);

} // namespace pagoda::kernel
