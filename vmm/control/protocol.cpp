#include "vmm/control/protocol.hpp"

#include <fmt/format.h>

namespace pagoda::vmm::control {
namespace {

// Brackets opened and not closed, at most; those in strings do not count. Before the parser, so that
// no deep value is ever built.
unsigned depth_of(std::string_view text) {
  unsigned depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

std::unexpected<BadRequest> bad(Json id, std::string error, std::string hint) {
  return std::unexpected(BadRequest{std::move(id), {std::move(error), std::move(hint)}});
}

bool may_be_id(const Json &value) {
  if (value.is_string()) return value.get_ref<const std::string &>().size() <= kLongestId;
  return value.is_number() || value.is_null();
}

std::string dump(const Json &value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

constexpr std::string_view kExample = R"(send one object a line, such as {"v":1,"id":1,"ask":"help"})";

} // namespace

std::expected<Request, BadRequest> parse_request(std::string_view line) {
  if (line.size() > kLongestLine)
    return bad(nullptr, "the line is too long", fmt::format("a request has at most {} bytes", kLongestLine));
  if (depth_of(line) > kDeepest)
    return bad(nullptr, "the request is nested too deeply", fmt::format("nest at most {} levels", kDeepest));
  Json value = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!value.is_object()) return bad(nullptr, "the line is not a JSON object", std::string(kExample));

  Request request;
  if (const auto id = value.find("id"); id != value.end()) {
    if (!may_be_id(*id))
      return bad(nullptr, "the id is neither a number nor a short string",
                 fmt::format("give a number, or a string of at most {} bytes", kLongestId));
    request.id = std::move(*id);
  }
  const auto version = value.find("v");
  if (version == value.end() || !version->is_number_integer() || *version != kVersion)
    return bad(std::move(request.id), fmt::format("this is not a request of version {}", kVersion),
               fmt::format("this is pagoda's control protocol, version {}: {}", kVersion, kExample));
  const auto ask = value.find("ask");
  if (ask == value.end() || !ask->is_string() || ask->get_ref<const std::string &>().empty())
    return bad(std::move(request.id), "the request asks nothing", R"("ask":"help" lists what can be asked)");
  request.ask = ask->get<std::string>();
  if (const auto with = value.find("with"); with != value.end()) {
    if (!with->is_object())
      return bad(std::move(request.id), "\"with\" is not an object", R"(name each argument: "with":{"by":"zone"})");
    request.with = std::move(*with);
  }
  return request;
}

std::string encode_request(const Request &request) {
  Json object = {{"v", kVersion}, {"id", request.id}, {"ask", request.ask}};
  if (!request.with.empty()) object["with"] = request.with;
  return dump(object);
}

std::string encode_answer(const Json &id, const Answer &answer) {
  if (answer) return dump({{"v", kVersion}, {"id", id}, {"ok", true}, {"result", *answer}});
  return dump(
      {{"v", kVersion}, {"id", id}, {"ok", false}, {"error", answer.error().error}, {"hint", answer.error().hint}});
}

std::expected<Reply, Refusal> parse_reply(std::string_view line) {
  const Refusal unknown{"it did not answer in a language that this pagoda knows",
                        "is it of another version? Use the pagoda that started it"};
  Json value = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!value.is_object() || value.value("v", Json()) != kVersion) return std::unexpected(unknown);
  const auto ok = value.find("ok");
  if (ok == value.end() || !ok->is_boolean()) return std::unexpected(unknown);
  Reply reply{value.value("id", Json()), Json()};
  if (*ok) {
    reply.answer = value.value("result", Json());
    return reply;
  }
  const auto text = [&](const char *key) {
    const auto found = value.find(key);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  reply.answer = std::unexpected(Refusal{text("error"), text("hint")});
  return reply;
}

} // namespace pagoda::vmm::control
