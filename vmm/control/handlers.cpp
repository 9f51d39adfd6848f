#include "vmm/control/handlers.hpp"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

namespace pagoda::vmm::control {
namespace {

constexpr std::string_view kHelp = "help";
constexpr std::size_t kShownOfName = 64;

} // namespace

const Handler *Handlers::find(std::string_view name) const {
  const auto found = std::ranges::find(handlers_, name, &Handler::name);
  return found == handlers_.end() ? nullptr : &*found;
}

Json Handlers::help() const {
  Json list = Json::object();
  for (const Handler &handler : handlers_) list[std::string(handler.name)] = handler.summary;
  list[std::string(kHelp)] = "what can be asked";
  return list;
}

Answer Handlers::answer(const Request &request) const {
  if (request.ask == kHelp) return help();
  const Handler *handler = find(request.ask);
  if (handler == nullptr)
    return std::unexpected(
        Refusal{fmt::format("\"{}\" cannot be asked", std::string_view(request.ask).substr(0, kShownOfName)),
                R"("ask":"help" lists what can be asked)"});
  return handler->answer(request.with);
}

std::string Handlers::answer(std::string_view line) const {
  try {
    const auto request = parse_request(line);
    if (!request) return encode_answer(request.error().id, std::unexpected(request.error().refusal));
    return encode_answer(request->id, answer(*request));
  } catch (const std::exception &) { // std::bad_alloc: nothing else is thrown here
    return refusal_line("the request could not be answered", "the host is short of memory; ask again later");
  }
}

std::string refusal_line(std::string_view error, std::string_view hint) {
  return encode_answer(nullptr, std::unexpected(Refusal{std::string(error), std::string(hint)}));
}

} // namespace pagoda::vmm::control
