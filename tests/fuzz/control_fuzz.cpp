// Any bytes on a control socket: what goes in ends as whole lines of JSON, each an answer, and nothing is
// kept beyond the limit. The bytes come in pieces whose sizes the first byte chooses.
#include <cstdlib>

#include "vmm/control/handlers.hpp"
#include "vmm/control/limits.hpp"
#include "vmm/control/line_buffer.hpp"

namespace {

using namespace pagoda::vmm::control;

constexpr std::size_t kLongest = 4096;

const Handlers &table() {
  static const Handlers handlers{
      {"echo", "gives back what came", [](const Json &with) -> Answer { return with; }},
      {"refuse", "refuses", [](const Json &) -> Answer { return std::unexpected(Refusal{"no", "never"}); }},
      {"pages", "counts", [](const Json &with) -> Answer { return with.value("by", Json("owner")); }}};
  return handlers;
}

void require(bool holds) {
  if (!holds) std::abort();
}

// One line that a client of this version understands.
void check_answer(const std::string &answer) {
  require(answer.size() > 1 && answer.find('\n') == answer.size() - 1);
  const auto reply = parse_reply(std::string_view(answer).substr(0, answer.size() - 1));
  require(reply.has_value());
  require(reply->id.is_null() || reply->id.is_number() || reply->id.is_string());
  if (!reply->answer) require(!reply->answer.error().error.empty() && !reply->answer.error().hint.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{1} + data[0];
  std::string_view bytes(reinterpret_cast<const char *>(data) + 1, size - 1);
  static_cast<void>(parse_reply(bytes)); // a server may be hostile to its client, too
  LineBuffer lines(kLongest);
  while (!bytes.empty() && !lines.too_long()) {
    lines.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (const auto line = lines.next()) {
      require(line->size() <= kLongest && line->find('\n') == std::string::npos);
      check_answer(table().answer(*line));
    }
    require(lines.size() <= kLongest + piece);
  }
  return 0;
}
