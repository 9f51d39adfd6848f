#include "guest/linux/exec/script.hpp"

#include <cerrno>
#include <string_view>

namespace pagoda::kernel {
namespace {

constexpr std::string_view kBlank = " \t";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

} // namespace

bool is_script(std::span<const std::byte> head) { return as_text(head).starts_with("#!"); }

std::expected<ScriptLine, int> parse_script(std::span<const std::byte> head) {
  auto text = as_text(head.first(std::min(head.size(), kScriptLineLimit)));
  const bool cut_off = text.size() == kScriptLineLimit && text.find('\n') == std::string_view::npos;
  text = text.substr(2, text.find('\n') == std::string_view::npos ? std::string_view::npos : text.find('\n') - 2);
  text = text.substr(0, text.find('\0'));
  const auto line = trim(text);
  if (line.empty()) return std::unexpected(ENOEXEC);
  const auto end = line.find_first_of(kBlank);
  // A name that fills the whole buffer may be a truncated one: never run half a path.
  if (cut_off && end == std::string_view::npos) return std::unexpected(ENOEXEC);
  ScriptLine result{.interpreter = std::string(line.substr(0, end)), .argument = std::nullopt};
  if (end != std::string_view::npos) result.argument = std::string(trim(line.substr(end)));
  return result;
}

} // namespace pagoda::kernel
