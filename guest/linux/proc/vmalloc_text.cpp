#include "guest/linux/proc/vmalloc_text.hpp"

#include <fmt/format.h>
#include <iterator>

namespace pagoda::kernel {

namespace {

constexpr std::uint64_t kRangeBegin = 0xffffc90000000000; // VMALLOC_START of four-level tables

std::uint64_t number(const void *address) { return reinterpret_cast<std::uintptr_t>(address); }

} // namespace

std::string vmallocinfo_text(std::span<const space::VmallocFigures> areas) {
  std::string text;
  for (const space::VmallocFigures &area : areas) {
    if (area.gva != Gva(0)) {
      fmt::format_to(std::back_inserter(text), "0x{:08x}-0x{:08x} {:7} pages={} vmalloc\n", area.gva.value(),
                     area.gva.value() + area.bytes, area.bytes, area.pages);
      continue;
    }
    const std::uint64_t begin = kRangeBegin + (number(area.begin) - number(areas.front().begin));
    fmt::format_to(std::back_inserter(text), "0x{:016x}-0x{:016x} {:7} pages={} vmalloc N0={}\n", begin,
                   begin + area.bytes, area.bytes, area.pages, area.pages);
  }
  return text;
}

} // namespace pagoda::kernel
