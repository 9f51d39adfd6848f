// Host access to a program's memory: what system calls use for every pointer they are given.
//
// Each page is resolved as if the program had touched it, pinned, copied and unpinned; no lock is
// held while bytes move. A guest pointer is never trusted: any address and any length is safe to
// pass. Partial copies are reported by count, as Linux's copy_to_user does. Pages of foreign slots
// (vDSO) have no host mapping here and count as inaccessible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <sys/uio.h>
#include <type_traits>
#include <utility>
#include <vector>

#include "mmu/fault/fault.hpp"

namespace pagoda::fault {

// Frames pinned for host I/O straight into or out of guest memory. Unpins on destruction.
class PinnedRange {
public:
  PinnedRange() = default;
  PinnedRange(PinnedRange &&) noexcept;
  PinnedRange &operator=(PinnedRange &&) noexcept;
  ~PinnedRange();
  // Host pieces in order, physically adjacent pages joined. For readv, writev, recvmsg…
  [[nodiscard]] std::vector<iovec> &pieces() { return pieces_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; } // may be less than asked: a bad page ends it

private:
  friend PinnedRange pin(space::Space &, Gva, std::size_t, Access);
  void release();

  phys::PhysicalMemory *memory_ = nullptr;
  std::vector<Gfn> frames_;
  std::vector<iovec> pieces_;
  std::size_t bytes_ = 0;
};

// Pins [gva, gva+length) as far as it is accessible, at most kMaxPin bytes.
[[nodiscard]] PinnedRange pin(space::Space &space, Gva gva, std::size_t length, Access access);
inline constexpr std::size_t kMaxPin = 1u << 20;

// Bytes copied before the first inaccessible page (== out.size() on success).
[[nodiscard]] std::size_t copy_in(space::Space &space, Gva from, std::span<std::byte> out);
[[nodiscard]] std::size_t copy_out(space::Space &space, Gva to, std::span<const std::byte> in);
[[nodiscard]] std::size_t fill_zero(space::Space &space, Gva to, std::size_t length);

enum class StringError : std::uint8_t { Fault, TooLong };
// A NUL-terminated string of at most `limit` bytes, the NUL included.
[[nodiscard]] std::expected<std::string, StringError> copy_string(space::Space &space, Gva from, std::size_t limit);

template <class T> [[nodiscard]] bool read_value(space::Space &space, Gva from, T &value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return copy_in(space, from, std::as_writable_bytes(std::span(&value, 1))) == sizeof(T);
}
template <class T> [[nodiscard]] bool write_value(space::Space &space, Gva to, const T &value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return copy_out(space, to, std::as_bytes(std::span(&value, 1))) == sizeof(T);
}

// A pinned, aligned 32-bit word for atomic access from the host (futex, robust list).
class PinnedWord {
public:
  // A misaligned address counts as NoArea: the caller has refused it before.
  static std::expected<PinnedWord, Outcome> pin(space::Space &space, Gva gva, Access access);
  PinnedWord(PinnedWord &&) noexcept;
  PinnedWord &operator=(PinnedWord &&) = delete;
  ~PinnedWord();
  [[nodiscard]] std::uint32_t load() const;
  bool compare_exchange(std::uint32_t &expected, std::uint32_t desired);
  void store(std::uint32_t value);
  [[nodiscard]] Gfn frame() const { return frame_; } // identity of a shared futex

private:
  PinnedWord(phys::PhysicalMemory &memory, Gfn frame, std::uint32_t offset);
  [[nodiscard]] std::uint32_t &word() const;

  phys::PhysicalMemory *memory_;
  Gfn frame_;
  std::uint32_t offset_;
};

} // namespace pagoda::fault
