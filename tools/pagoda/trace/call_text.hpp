// A completed system call as one line, in the manner of strace(1).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/pagoda/trace/guest_reader.hpp"

namespace pagoda::tools {

struct CompletedCall {
  std::string_view name;
  std::string_view arguments; // letters, as SyscallEntry has them
  std::array<std::uint64_t, 6> args{};
  bool returns = true;
  std::int64_t result = 0;
  // What execve replaced cannot be read from memory any more.
  std::string_view executed{};
};

// openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3
[[nodiscard]] std::string call_text(const CompletedCall &call, GuestReader &memory);

// Quoted with C escapes, cut after `limit` bytes ("…" follows then).
[[nodiscard]] std::string quoted(std::string_view bytes, std::size_t limit);

// 12, 0x7f…, or -1 ENOENT (No such file or directory)
[[nodiscard]] std::string result_text(std::string_view name, std::int64_t result);

inline constexpr std::size_t kBufferShown = 32;
inline constexpr std::size_t kPathShown = 256;

} // namespace pagoda::tools
