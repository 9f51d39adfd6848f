// The `#!` line of a script, read as Linux reads it (execve(2), fs/binfmt_script.c as behaviour).
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>

namespace pagoda::kernel {

// What the kernel looks at to tell a program's kind (BINPRM_BUF_SIZE).
inline constexpr std::size_t kScriptLineLimit = 256;
// Interpreters that are scripts themselves, one inside the other.
inline constexpr int kScriptDepth = 4;

struct ScriptLine {
  std::string interpreter;             // never empty
  std::optional<std::string> argument; // everything after it, one argument, trimmed
};

[[nodiscard]] bool is_script(std::span<const std::byte> head);
// ENOEXEC for a line without an interpreter, or one cut off inside the interpreter's name.
[[nodiscard]] std::expected<ScriptLine, int> parse_script(std::span<const std::byte> head);

} // namespace pagoda::kernel
