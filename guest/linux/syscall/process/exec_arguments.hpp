// Reading argv and envp out of a program's memory.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::process {

// A vector of string pointers that ends with a null one; a null vector is empty. `budget` is what is
// left of the bytes that execve takes in all. EFAULT, or E2BIG.
std::expected<std::vector<std::string>, int> read_strings(const Call &call, Gva vector, std::size_t &budget);

// Linux's ceilings: one string (MAX_ARG_STRLEN), and all of them (3/4 of _STK_LIM).
inline constexpr std::size_t kMaxString = 32 * kPageSize;
inline constexpr std::size_t kMaxStrings = 6u << 20;

} // namespace pagoda::kernel::process
