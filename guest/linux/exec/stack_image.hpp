// The first stack of a program: strings, vectors and auxv as the ABI wants them at entry.
//
// Source: System V ABI, AMD64 supplement, 3.4.1 (figure 3.9). From the top down: 8 zero bytes, the
// file name, the environment, the arguments (each block ascending, as /proc/PID/cmdline reads them),
// platform name, 16 random bytes, padding; then argc, argv, envp, auxv at a 16-byte boundary.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "mmu/base/address.hpp"

namespace pagoda::kernel {

struct StackRequest {
  Gva top; // end of the stack area, page aligned
  std::string file_name;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::array<std::byte, 16> random{};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> auxv; // without the entries made here
  std::uint64_t limit = 0;                                   // bytes that strings and pointers may take
};

struct StackImage {
  Gva pointer;                  // rsp at entry
  std::vector<std::byte> bytes; // from `pointer` to the top
  GvaRange arguments, environment;
  std::vector<std::uint64_t> auxv; // as laid out, AT_NULL included
};

// One argument may not be longer than this (MAX_ARG_STRLEN), NUL included.
inline constexpr std::size_t kMaxArgument = 128 << 10;

// E2BIG when it does not fit.
[[nodiscard]] std::expected<StackImage, int> build_stack(const StackRequest &request);

} // namespace pagoda::kernel
