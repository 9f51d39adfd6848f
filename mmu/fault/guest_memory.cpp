#include "mmu/fault/guest_memory.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "mmu/fault/pin_pages.hpp"

namespace pagoda::fault {

namespace {

constexpr std::size_t kPinAtOnce = 16;

// Pages that [gva, gva+length) touches, at most `limit`.
std::size_t pages_touched(Gva gva, std::size_t length, std::size_t limit) {
  const std::uint64_t bytes = std::min<std::uint64_t>(length, limit << kPageShift) + gva.page_offset();
  return std::min<std::size_t>(page_ceil(bytes) >> kPageShift, limit);
}

// Calls visit(host, done, bytes) for each piece of [gva, gva+length) that lies in one page, in order,
// with no lock held, until it says false or a page cannot be had. Bytes visited.
template <class Visit>
std::size_t for_each_piece(space::Space &space, Gva gva, std::size_t length, Access access, Visit &&visit) {
  phys::PhysicalMemory &memory = space.memory();
  std::array<Gfn, kPinAtOnce> frames;
  std::size_t done = 0;
  bool go_on = true;
  while (go_on && done < length && gva < space::kUserEnd) {
    const std::size_t wanted = pages_touched(gva, length - done, kPinAtOnce);
    const auto pinned = pin_pages(space, gva.page_floor(), access, std::span(frames).first(wanted));
    if (!pinned) break;
    for (const Gfn frame : std::span(frames).first(*pinned)) {
      const std::size_t bytes = std::min<std::size_t>(length - done, kPageSize - gva.page_offset());
      if (go_on) {
        go_on = visit(memory.host(frame) + gva.page_offset(), done, bytes);
        done += bytes;
        gva += bytes;
      }
      memory.put(frame);
    }
  }
  return done;
}

} // namespace

std::size_t copy_in(space::Space &space, Gva from, std::span<std::byte> out) {
  return for_each_piece(space, from, out.size(), Access::Read,
                        [&](const std::byte *host, std::size_t done, std::size_t bytes) {
                          std::memcpy(out.data() + done, host, bytes);
                          return true;
                        });
}

std::size_t copy_out(space::Space &space, Gva to, std::span<const std::byte> in) {
  return for_each_piece(space, to, in.size(), Access::Write, [&](std::byte *host, std::size_t done, std::size_t bytes) {
    std::memcpy(host, in.data() + done, bytes);
    return true;
  });
}

std::size_t fill_zero(space::Space &space, Gva to, std::size_t length) {
  return for_each_piece(space, to, length, Access::Write, [](std::byte *host, std::size_t, std::size_t bytes) {
    std::memset(host, 0, bytes);
    return true;
  });
}

std::expected<std::string, StringError> copy_string(space::Space &space, Gva from, std::size_t limit) {
  std::string text;
  bool ended = false;
  const std::size_t seen =
      for_each_piece(space, from, limit, Access::Read, [&](const std::byte *host, std::size_t done, std::size_t bytes) {
        // Searched in the copy: the program may be changing its own.
        text.append(reinterpret_cast<const char *>(host), bytes);
        const auto nul = text.find('\0', done);
        ended = nul != std::string::npos;
        if (ended) text.resize(nul);
        return !ended;
      });
  if (ended) return text;
  return std::unexpected(seen < limit ? StringError::Fault : StringError::TooLong);
}

PinnedRange pin(space::Space &space, Gva gva, std::size_t length, Access access) {
  PinnedRange range;
  range.memory_ = &space.memory();
  length = std::min(length, kMaxPin);
  if (length == 0 || !(gva < space::kUserEnd)) return range;
  std::vector<Gfn> frames(page_ceil(gva.page_offset() + length) >> kPageShift);
  std::size_t had = 0;
  while (had < frames.size()) {
    const auto more = pin_pages(space, gva.page_floor() + had * kPageSize, access, std::span(frames).subspan(had));
    if (!more) break;
    had += *more;
  }
  frames.resize(had);
  for (const Gfn frame : frames) {
    const Gva at = gva + range.bytes_;
    std::byte *host = range.memory_->host(frame) + at.page_offset();
    const std::size_t bytes = std::min<std::size_t>(length - range.bytes_, kPageSize - at.page_offset());
    iovec *last = range.pieces_.empty() ? nullptr : &range.pieces_.back();
    if (last != nullptr && static_cast<std::byte *>(last->iov_base) + last->iov_len == host)
      last->iov_len += bytes;
    else
      range.pieces_.push_back({host, bytes});
    range.bytes_ += bytes;
  }
  range.frames_ = std::move(frames);
  return range;
}

void PinnedRange::release() {
  for (const Gfn frame : frames_) memory_->put(frame);
  frames_.clear();
}

PinnedRange::PinnedRange(PinnedRange &&other) noexcept
    : memory_(other.memory_), frames_(std::exchange(other.frames_, {})), pieces_(std::exchange(other.pieces_, {})),
      bytes_(std::exchange(other.bytes_, 0)) {}

PinnedRange &PinnedRange::operator=(PinnedRange &&other) noexcept {
  if (this == &other) return *this;
  release();
  memory_ = other.memory_;
  frames_ = std::exchange(other.frames_, {});
  pieces_ = std::exchange(other.pieces_, {});
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

PinnedRange::~PinnedRange() { release(); }

} // namespace pagoda::fault
