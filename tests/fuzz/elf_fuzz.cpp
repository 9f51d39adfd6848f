// Any bytes as a program file: parsing ends with an image that keeps its promises, or an errno.
#include <cstdlib>
#include <cstring>

#include "guest/linux/exec/elf.hpp"
#include "guest/linux/exec/script.hpp"
#include "mmu/space/space.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using namespace pagoda;
  const auto read = [&](std::uint64_t offset, std::span<std::byte> out) -> std::int64_t {
    if (offset >= size) return 0;
    const auto length = std::min<std::uint64_t>(out.size(), size - offset);
    std::memcpy(out.data(), data + offset, length);
    return std::int64_t(length);
  };
  const auto head = std::as_bytes(std::span(data, size));
  if (kernel::is_script(head)) {
    const auto line = kernel::parse_script(head);
    if (line && line->interpreter.empty()) std::abort();
  }
  const auto image = kernel::parse_elf(read);
  if (!image) {
    if (image.error() <= 0) std::abort();
    return 0;
  }
  for (const auto &segment : image->segments)
    if (segment.file_size > segment.memory_size || segment.end() > space::kUserEnd.value() ||
        segment.address > segment.end())
      std::abort();
  return 0;
}
