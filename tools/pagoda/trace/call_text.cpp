#include "tools/pagoda/trace/call_text.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fcntl.h>

#include <fmt/format.h>

#include "tools/pagoda/trace/flag_names.hpp"

namespace pagoda::tools {
namespace {

constexpr std::int64_t kMaxErrno = 4095;

bool failed(const CompletedCall &call) { return call.result < 0 && call.result >= -kMaxErrno; }

// Calls whose buffers are filled by the kernel: as long as the result says.
bool fills_buffer(std::string_view name) {
  constexpr std::array kNames{"read",       "pread64", "getrandom", "recvfrom",  "readlink",
                              "readlinkat", "getcwd",  "getdents",  "getdents64"};
  return std::ranges::find(kNames, name) != kNames.end();
}

std::string pointer(std::uint64_t value) { return value == 0 ? "NULL" : fmt::format("{:#x}", value); }

std::string path_argument(std::uint64_t value, GuestReader &memory) {
  if (value == 0) return "NULL";
  const auto text = memory.text(Gva(value), 4096);
  if (text) return quoted(*text, kPathShown);
  return pointer(value);
}

std::string buffer_argument(const CompletedCall &call, std::size_t index, GuestReader &memory) {
  const std::uint64_t at = call.args[index];
  std::uint64_t length = index + 1 < call.args.size() ? call.args[index + 1] : 0;
  if (fills_buffer(call.name)) {
    if (failed(call) || !call.returns) return pointer(at);
    length = std::min(length, std::uint64_t(call.result));
  }
  if (at == 0) return "NULL";
  std::string bytes(std::min<std::uint64_t>(length, kBufferShown + 1), '\0');
  bytes.resize(memory.bytes(Gva(at), std::as_writable_bytes(std::span(bytes))));
  if (bytes.empty() && length != 0) return pointer(at);
  return quoted(bytes, kBufferShown);
}

std::string signal_argument(std::uint64_t value) {
  const char *name = ::sigabbrev_np(int(std::uint32_t(value)));
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("{}", std::int32_t(value));
}

std::string argument(const CompletedCall &call, unsigned index, GuestReader &memory) {
  const std::uint64_t value = call.args[index];
  if (auto flags = flag_argument(call.name, index, value)) return *flags;
  switch (call.arguments[index]) {
  case 'd':
    return fmt::format("{}", std::int64_t(value) >= -0x80000000LL && std::int64_t(value) < 0 ? std::int64_t(value)
                             : value <= 0xffffffff ? std::int64_t(std::int32_t(value))
                                                   : std::int64_t(value));
  case 'u': return fmt::format("{}", value);
  case 'o': return fmt::format("{:#o}", value & 07777777);
  case 'p': return pointer(value);
  case 'f': return std::int32_t(value) == AT_FDCWD ? "AT_FDCWD" : fmt::format("{}", std::int32_t(value));
  case 'S': return signal_argument(value);
  case 's': return path_argument(value, memory);
  case 'b': return buffer_argument(call, index, memory);
  default: return fmt::format("{:#x}", value);
  }
}

// The mode of open is read by the kernel only when a file may be made.
std::size_t arguments_shown(const CompletedCall &call) {
  const std::size_t all = std::min(call.arguments.size(), call.args.size());
  const auto creates = [](std::uint64_t flags) { return (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0; };
  if (call.name == "open" && !creates(call.args[1])) return std::min<std::size_t>(all, 2);
  if (call.name == "openat" && !creates(call.args[2])) return std::min<std::size_t>(all, 3);
  return all;
}

bool result_is_address(std::string_view name) {
  return name == "mmap" || name == "brk" || name == "mremap" || name == "shmat";
}

} // namespace

std::string quoted(std::string_view bytes, std::size_t limit) {
  std::string text = "\"";
  for (const char raw : bytes.substr(0, limit)) {
    const auto c = static_cast<unsigned char>(raw);
    if (raw == '"' || raw == '\\')
      text += {'\\', raw};
    else if (raw == '\n')
      text += "\\n";
    else if (raw == '\t')
      text += "\\t";
    else if (raw == '\r')
      text += "\\r";
    else if (c >= 0x20 && c < 0x7f)
      text += raw;
    else
      text += fmt::format("\\x{:02x}", c);
  }
  text += '"';
  if (bytes.size() > limit) text += "...";
  return text;
}

std::string result_text(std::string_view name, std::int64_t result) {
  if (result < 0 && result >= -kMaxErrno) {
    const int number = int(-result);
    const char *symbol = ::strerrorname_np(number);
    if (symbol == nullptr) return fmt::format("-1 errno {}", number);
    return fmt::format("-1 {} ({})", symbol, ::strerrordesc_np(number));
  }
  return result_is_address(name) ? fmt::format("{:#x}", std::uint64_t(result)) : fmt::format("{}", result);
}

std::string call_text(const CompletedCall &call, GuestReader &memory) {
  std::string text = fmt::format("{}(", call.name);
  const std::size_t shown = arguments_shown(call);
  for (unsigned i = 0; i < shown; ++i) {
    if (i != 0) text += ", ";
    const bool replaced = !call.executed.empty();
    if (replaced && call.arguments[i] == 's')
      text += quoted(call.executed, kPathShown);
    else if (replaced)
      text += pointer(call.args[i]);
    else
      text += argument(call, i, memory);
  }
  return text + ") = " + (call.returns ? result_text(call.name, call.result) : "?");
}

} // namespace pagoda::tools
