#include "vmm/vdso_getcpu.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <optional>
#include <string_view>

namespace pagoda::vmm {
namespace {

// mov $309, %eax; syscall; ret: the arguments lie where the kernel expects them.
constexpr std::array<std::uint8_t, 8> kCall{0xb8, 0x35, 0x01, 0x00, 0x00, 0x0f, 0x05, 0xc3};
constexpr std::string_view kName = "__vdso_getcpu";

// Reads of an image that may be anything.
class Image {
public:
  explicit Image(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T> [[nodiscard]] std::optional<T> at(std::uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  [[nodiscard]] bool has_text(std::uint64_t offset, std::string_view text) const {
    if (offset > bytes_.size() || bytes_.size() - offset <= text.size()) return false;
    return std::memcmp(bytes_.data() + offset, text.data(), text.size()) == 0 &&
           bytes_[offset + text.size()] == std::byte{0};
  }

private:
  std::span<const std::byte> bytes_;
};

// Where the image's first loaded segment puts an address of the image: vDSOs are linked at 0.
std::optional<std::uint64_t> offset_of(const Image &image, const Elf64_Ehdr &header, std::uint64_t address) {
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto segment = image.at<Elf64_Phdr>(header.e_phoff + std::uint64_t(i) * sizeof(Elf64_Phdr));
    if (!segment) return std::nullopt;
    if (segment->p_type != PT_LOAD || address < segment->p_vaddr) continue;
    if (address - segment->p_vaddr < segment->p_filesz) return address - segment->p_vaddr + segment->p_offset;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> find_in(const Image &image, const Elf64_Ehdr &header, const Elf64_Shdr &symbols) {
  const auto names = image.at<Elf64_Shdr>(header.e_shoff + std::uint64_t(symbols.sh_link) * sizeof(Elf64_Shdr));
  if (!names) return std::nullopt;
  for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols.sh_size; at += sizeof(Elf64_Sym)) {
    const auto symbol = image.at<Elf64_Sym>(symbols.sh_offset + at);
    if (!symbol) return std::nullopt;
    if (symbol->st_size < kCall.size() || !image.has_text(names->sh_offset + symbol->st_name, kName)) continue;
    return offset_of(image, header, symbol->st_value);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> find_function(const Image &image) {
  const auto header = image.at<Elf64_Ehdr>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return std::nullopt;
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    const auto section = image.at<Elf64_Shdr>(header->e_shoff + std::uint64_t(i) * sizeof(Elf64_Shdr));
    if (!section) return std::nullopt;
    if (section->sh_type == SHT_DYNSYM) return find_in(image, *header, *section);
  }
  return std::nullopt;
}

} // namespace

bool redirect_getcpu(std::span<std::byte> image) {
  const auto function = find_function(Image(image));
  if (!function || *function > image.size() || image.size() - *function < kCall.size()) return false;
  std::memcpy(image.data() + *function, kCall.data(), kCall.size());
  return true;
}

} // namespace pagoda::vmm
