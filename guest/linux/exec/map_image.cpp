#include "guest/linux/exec/map_image.hpp"

#include <algorithm>
#include <cerrno>

#include "mmu/base/checked.hpp"
#include "mmu/fault/guest_memory.hpp"

namespace pagoda::kernel {
namespace {

using space::MapRequest;
using space::Space;

std::expected<void, int> map_fixed(Space &space, GvaRange range, Prot prot,
                                   const std::shared_ptr<space::FileStore> &file, std::uint64_t offset) {
  MapRequest request;
  request.length = range.length();
  request.hint = range.begin;
  request.placement = MapRequest::Placement::Fixed;
  request.area.prot = prot;
  request.area.file = file;
  request.area.file_offset = offset;
  if (auto mapped = space.map(std::move(request)); !mapped) return std::unexpected(ENOMEM);
  return {};
}

// The bytes between the end of the file part and the end of its last page belong to bss: zero. A
// read-only segment keeps the file's bytes there, as under Linux.
std::expected<void, int> clear_tail(Space &space, const ElfSegment &segment, Gva file_end, Gva mapped_end) {
  if (!has(segment.prot, Prot::Write)) return {};
  const auto length = mapped_end - file_end; // to the end of the page: nothing of the file may be seen behind it
  if (fault::fill_zero(space, file_end, length) != length) return std::unexpected(EFAULT);
  return {};
}

std::expected<void, int> map_segment(Space &space, const ElfSegment &segment, std::uint64_t bias,
                                     const std::shared_ptr<space::FileStore> &file) {
  const Gva begin = Gva(segment.address + bias);
  const Gva file_end = begin + segment.file_size;
  const Gva memory_end = (begin + segment.memory_size).page_ceil();
  Gva anonymous = begin.page_floor();
  if (segment.file_size > 0) {
    const GvaRange part{begin.page_floor(), file_end.page_ceil()};
    if (auto done = map_fixed(space, part, segment.prot, file, page_floor(segment.file_offset)); !done) return done;
    if (segment.memory_size > segment.file_size)
      if (auto done = clear_tail(space, segment, file_end, part.end); !done) return done;
    anonymous = part.end;
  }
  if (anonymous < memory_end) return map_fixed(space, {anonymous, memory_end}, segment.prot, nullptr, 0);
  return {};
}

// Finds room for the whole image at once, so that its segments keep their distances.
std::expected<std::uint64_t, int> choose_bias(Space &space, const ElfImage &image, std::optional<Gva> base) {
  if (!image.position_independent) return 0;
  const std::uint64_t low = page_floor(image.lowest());
  const std::uint64_t length = page_ceil(image.highest()) - low;
  if (base) return base->value() / image.alignment * image.alignment - low;
  const auto padded = checked_add<std::uint64_t>(length, image.alignment - kPageSize);
  if (!padded) return std::unexpected(ENOMEM);
  MapRequest request;
  request.length = *padded;
  request.area.no_reserve = true;
  const auto found = space.map(std::move(request));
  if (!found) return std::unexpected(ENOMEM);
  if (auto freed = space.unmap({*found, *found + page_ceil(*padded)}); !freed) return std::unexpected(ENOMEM);
  const auto aligned = checked_align_up<std::uint64_t>(found->value(), image.alignment);
  return aligned.value_or(found->value()) - low;
}

// No segment may leave the user half once the bias is added.
bool fits(const Space &space, const ElfImage &image, std::uint64_t bias) {
  return std::ranges::all_of(image.segments, [&](const ElfSegment &segment) {
    const auto begin = segment.address + bias; // wraps for a negative bias, as intended
    const auto end = checked_add<std::uint64_t>(begin, segment.memory_size);
    return end && begin >= space::kUserBegin.value() && *end <= space.user_end().value() - kPageSize;
  });
}

MappedImage describe(const ElfImage &image, std::uint64_t bias) {
  MappedImage mapped{.bias = bias,
                     .entry = Gva(image.entry + bias),
                     .headers = Gva(image.header_address == 0 ? 0 : image.header_address + bias),
                     .begin = Gva(image.lowest() + bias),
                     .end = Gva(image.highest() + bias),
                     .code_begin = Gva(~0ull),
                     .code_end = Gva(0),
                     .data_begin = Gva(0),
                     .data_end = Gva(0)};
  for (const auto &segment : image.segments) {
    const Gva begin(segment.address + bias);
    const Gva file_end = begin + segment.file_size;
    if (has(segment.prot, Prot::Execute)) {
      mapped.code_begin = std::min(mapped.code_begin, begin);
      mapped.code_end = std::max(mapped.code_end, file_end);
    }
    mapped.data_begin = std::max(mapped.data_begin, begin);
    mapped.data_end = std::max(mapped.data_end, file_end);
  }
  mapped.code_begin = std::min(mapped.code_begin, mapped.code_end);
  return mapped;
}

} // namespace

std::expected<MappedImage, int> map_image(Space &space, const ElfImage &image,
                                          const std::shared_ptr<space::FileStore> &file, std::optional<Gva> base) {
  const auto bias = choose_bias(space, image, base);
  if (!bias) return std::unexpected(bias.error());
  if (!fits(space, image, *bias)) return std::unexpected(ENOMEM);
  for (const auto &segment : image.segments)
    if (auto done = map_segment(space, segment, *bias, file); !done) return std::unexpected(done.error());
  return describe(image, *bias);
}

} // namespace pagoda::kernel
