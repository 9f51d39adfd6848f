// The feature list of a vCPU: the host's, cut to what its saved state can hold.
#include <algorithm>

#include "vmm/vcpu.hpp"

namespace pagoda::vmm {
namespace {

constexpr std::uint64_t kCr4Pae = 1u << 5, kCr4Pge = 1u << 7, kCr4Osfxsr = 1u << 9, kCr4Osxmmexcpt = 1u << 10,
                        kCr4Fsgsbase = 1u << 16, kCr4Osxsave = 1u << 18;
constexpr std::uint32_t kFeatureXsave = 1u << 26;                      // leaf 1, ecx
constexpr std::uint32_t kFeatureFsgsbase = 1u << 0;                    // leaf 7, ebx
constexpr std::uint32_t kAmxFeatures = 1u << 22 | 1u << 24 | 1u << 25; // leaf 7, edx
constexpr std::uint64_t kXcr0Tiles = 3ull << 17; // AMX: 8 KiB of state that no Linux program has unasked
constexpr std::uint32_t kXsaveHeaderEnd = 576;   // legacy area and header
constexpr unsigned kXsaveLeaf = 0xd;

} // namespace

CpuFeatures features_of(const CpuidTable &cpuid) {
  CpuFeatures features;
  features.cr4 = kCr4Pae | kCr4Pge | kCr4Osfxsr | kCr4Osxmmexcpt;
  features.xsave_size = kXsaveHeaderEnd;
  if (const auto *leaf7 = cpuid.find(7); leaf7 != nullptr && (leaf7->ebx & kFeatureFsgsbase) != 0)
    features.cr4 |= kCr4Fsgsbase;
  const auto *leaf1 = cpuid.find(1);
  const auto *xsave = cpuid.find(kXsaveLeaf, 0);
  if (leaf1 == nullptr || xsave == nullptr || (leaf1->ecx & kFeatureXsave) == 0) return features;
  features.cr4 |= kCr4Osxsave;
  const std::uint64_t offered = (std::uint64_t(xsave->edx) << 32 | xsave->eax) & ~kXcr0Tiles;
  for (unsigned bit = 0; bit < 63; ++bit) {
    if ((offered >> bit & 1) == 0) continue;
    std::uint64_t end = kXsaveHeaderEnd;
    if (bit >= 2) {
      const auto *component = cpuid.find(kXsaveLeaf, bit);
      if (component == nullptr || component->eax == 0) continue;
      end = std::uint64_t(component->eax) + component->ebx;
    }
    if (end > sizeof(kernel::FpuState::xsave)) continue;
    features.xcr0 |= 1ull << bit;
    features.xsave_size = std::max(features.xsave_size, std::uint32_t(end));
  }
  return features;
}

CpuidTable cpuid_for(const CpuidTable &supported, unsigned index) {
  CpuidTable table = supported;
  const std::uint64_t xcr0 = features_of(supported).xcr0;
  for (auto &entry : table.entries()) {
    switch (entry.function) {
    case 1: entry.ebx = (entry.ebx & 0x00ff'ffff) | index << 24; break;
    case 7:
      if (entry.index == 0) entry.edx &= ~kAmxFeatures;
      break;
    case 0xb:
    case 0x1f: entry.edx = index; break;
    case kXsaveLeaf:
      if (entry.index == 0) {
        entry.eax &= std::uint32_t(xcr0);
        entry.edx &= std::uint32_t(xcr0 >> 32);
      }
      break;
    default: break;
    }
  }
  return table;
}

} // namespace pagoda::vmm
