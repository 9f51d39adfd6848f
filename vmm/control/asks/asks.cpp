#include "vmm/control/asks/asks.hpp"

#include <fmt/format.h>

namespace pagoda::vmm::control {

Handlers handlers_of(const SharedSubject &subject) {
  return {vm_handler(subject),          memory_handler(subject),       buddyinfo_handler(subject),
          zoneinfo_handler(subject),    pagetypeinfo_handler(subject), slabinfo_handler(subject),
          vmallocinfo_handler(subject), numa_handler(subject),         pages_handler(subject)};
}

std::expected<bool, Refusal> flag_argument(const Json &with, const char *key) {
  const auto found = with.find(key);
  if (found == with.end()) return false;
  if (!found->is_boolean())
    return std::unexpected(Refusal{fmt::format("\"{}\" is neither true nor false", key), "leave it out for false"});
  return found->get<bool>();
}

std::expected<std::string, Refusal> word_argument(const Json &with, const char *key, std::string_view otherwise) {
  const auto found = with.find(key);
  if (found == with.end()) return std::string(otherwise);
  if (!found->is_string())
    return std::unexpected(
        Refusal{fmt::format("\"{}\" is no string", key), fmt::format("leave it out for \"{}\"", otherwise)});
  return found->get<std::string>();
}

} // namespace pagoda::vmm::control
