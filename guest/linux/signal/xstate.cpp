#include "guest/linux/signal/xstate.hpp"

#include <algorithm>
#include <cpuid.h>
#include <cstring>

#include "guest/linux/signal/frame_layout.hpp"
#include "mmu/fault/guest_memory.hpp"

namespace pagoda::kernel {
namespace {

// Offsets in the legacy area and the XSAVE header (SDM vol. 1, 13.4).
constexpr std::size_t kMxcsr = 24;
constexpr std::size_t kMxcsrMask = 28;
constexpr std::size_t kSoftware = 464; // bytes 464..511 are the operating system's
constexpr std::size_t kLegacySize = 512;
constexpr std::size_t kHeader = 512;
constexpr std::size_t kHeaderSize = 64;
constexpr std::uint64_t kX87AndSse = 3;
constexpr std::uint32_t kDefaultMxcsrMask = 0xffbf;

struct SoftwareBytes {
  std::uint32_t magic1 = 0;
  std::uint32_t extended_size = 0; // image and closing magic
  std::uint64_t features = 0;
  std::uint32_t xstate_size = 0;
  std::uint32_t padding[7] = {};
};
static_assert(sizeof(SoftwareBytes) == kLegacySize - kSoftware);

template <class T> T load(const std::byte *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T> void store(std::byte *to, const T &value) { std::memcpy(to, &value, sizeof value); }

std::uint64_t enabled_components() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kOsxsave = 1u << 27;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & kOsxsave) == 0) return kX87AndSse;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t(high) << 32 | low;
}

// Whether the frame's own description of its image can be believed.
bool describes_full_image(space::Space &space, Gva from, const SoftwareBytes &software, std::uint32_t xsave_size) {
  if (software.magic1 != kXstateMagic1 || software.xstate_size != xsave_size) return false;
  if (software.extended_size != xstate_frame_size(xsave_size)) return false;
  std::uint32_t magic2 = 0;
  return fault::read_value(space, from + xsave_size, magic2) && magic2 == kXstateMagic2;
}

} // namespace

std::uint64_t xstate_components(std::uint32_t xsave_size) {
  static const std::uint64_t enabled = enabled_components();
  std::uint64_t fitting = kX87AndSse;
  for (unsigned bit = 2; bit < 63; ++bit) {
    if ((enabled >> bit & 1) == 0) continue;
    unsigned size = 0, offset = 0, ecx = 0, edx = 0;
    if (!__get_cpuid_count(0xd, bit, &size, &offset, &ecx, &edx)) break;
    if (size != 0 && std::uint64_t(offset) + size <= xsave_size) fitting |= 1ull << bit;
  }
  return fitting;
}

std::uint64_t xstate_frame_size(std::uint32_t xsave_size) { return std::uint64_t(xsave_size) + sizeof kXstateMagic2; }

std::vector<std::byte> xstate_to_frame(const FpuState &state, std::uint32_t xsave_size) {
  std::vector<std::byte> image(xstate_frame_size(xsave_size));
  std::memcpy(image.data(), state.xsave.data(), xsave_size);
  SoftwareBytes software;
  software.magic1 = kXstateMagic1;
  software.extended_size = std::uint32_t(image.size());
  software.features = xstate_components(xsave_size);
  software.xstate_size = xsave_size;
  store(image.data() + kSoftware, software);
  // The legacy part is always complete: a program may look at it without asking XSTATE_BV.
  store(image.data() + kHeader, load<std::uint64_t>(image.data() + kHeader) | kX87AndSse);
  store(image.data() + xsave_size, kXstateMagic2);
  return image;
}

bool xstate_from_frame(space::Space &space, Gva from, std::uint32_t xsave_size, const FpuState &initial,
                       FpuState &out) {
  out = initial;
  if (from.value() == 0) return true;
  FpuState image{};
  const auto bytes = std::span(image.xsave);
  if (fault::copy_in(space, from, bytes.first(kLegacySize)) != kLegacySize) return false;
  const bool full = describes_full_image(space, from, load<SoftwareBytes>(image.xsave.data() + kSoftware), xsave_size);
  if (full && fault::copy_in(space, from, bytes.first(xsave_size)) != xsave_size) return false;
  std::byte *data = image.xsave.data();
  const std::uint64_t present = full ? load<std::uint64_t>(data + kHeader) : kX87AndSse;
  // The mask was the processor's own when the frame was made; the program may have changed it.
  std::uint32_t mxcsr_mask = load<std::uint32_t>(initial.xsave.data() + kMxcsrMask);
  if (mxcsr_mask == 0) mxcsr_mask = kDefaultMxcsrMask;
  store(data + kMxcsr, load<std::uint32_t>(data + kMxcsr) & mxcsr_mask);
  store(data + kMxcsrMask, mxcsr_mask);
  std::memset(data + kHeader, 0, kHeaderSize); // the compacted format and reserved bits are not for programs
  store(data + kHeader, present & xstate_components(xsave_size));
  std::memset(data + kSoftware, 0, sizeof(SoftwareBytes));
  out = image;
  return true;
}

} // namespace pagoda::kernel
