#include "tools/pagoda/options/measure_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/measure/allocation_trace.hpp"
#include "tools/measure/managers.hpp"
#include "tools/pagoda/options/numbers.hpp"
#include "tools/pagoda/options/units.hpp"

namespace pagoda::tools {
namespace {

template <class Value> using Named = std::pair<std::string_view, Value>;
constexpr std::array<Named<phys::Fit>, 3> kFits{
    {{"first", phys::Fit::First}, {"best", phys::Fit::Best}, {"worst", phys::Fit::Worst}}};
constexpr std::array<Named<phys::SlabPolicy>, 3> kPolicies{
    {{"slub", phys::SlabPolicy::Slub}, {"slab", phys::SlabPolicy::Slab}, {"slob", phys::SlabPolicy::Slob}}};
constexpr std::array<std::string_view, 4> kManagers{"memblock", "buddy", "slab", "vmalloc"};

// One of the names, or "all" of them; empty for another word.
template <class Value, std::size_t n>
std::vector<Value> chosen(std::string_view text, const std::array<Named<Value>, n> &names) {
  std::vector<Value> values;
  for (const auto &[name, value] : names)
    if (text == name || text == "all") values.push_back(value);
  return values;
}

std::expected<std::vector<std::string_view>, std::string> manager_list(std::string_view text) {
  if (text.empty()) return std::vector<std::string_view>(kManagers.begin(), kManagers.end());
  std::vector<std::string_view> list;
  while (true) {
    const std::string_view word = text.substr(0, text.find(','));
    if (std::ranges::find(kManagers, word) == kManagers.end())
      return std::unexpected(fmt::format("--managers: \"{}\" is unknown; give memblock, buddy, slab or vmalloc", word));
    list.push_back(word);
    if (word.size() == text.size()) return list;
    text.remove_prefix(word.size() + 1);
  }
}

std::expected<void, std::string> check_source(const MeasureAllocArguments &arguments, MeasureAllocOptions &options) {
  options.trace = arguments.trace;
  options.write = arguments.write;
  if (arguments.trace.empty() == arguments.generate.empty())
    return std::unexpected(arguments.trace.empty() ? "there is no trace; name a file, or make one with --generate 1"
                                                   : "--generate: a trace was named too; leave one of them out");
  if (!arguments.write.empty() && arguments.generate.empty())
    return std::unexpected("--write: only a generated trace is written; add --generate 1");
  const auto operations = parse_number(arguments.operations, 1, measure::kMostOperations);
  if (!operations) return std::unexpected("--operations: " + operations.error());
  options.operations = *operations;
  if (arguments.generate.empty()) return {};
  const auto seed = parse_number(arguments.generate, 0, ~0ull);
  if (!seed) return std::unexpected("--generate: " + seed.error());
  options.seed = *seed;
  return {};
}

} // namespace

std::expected<MeasureAllocOptions, std::string> check(const MeasureAllocArguments &arguments) {
  MeasureAllocOptions options;
  if (const auto source = check_source(arguments, options); !source) return std::unexpected(source.error());
  const auto fits = chosen(arguments.fit, kFits);
  if (fits.empty())
    return std::unexpected(fmt::format("--fit: \"{}\" is unknown; give first, best, worst or all", arguments.fit));
  const auto policies = chosen(arguments.slab, kPolicies);
  if (policies.empty())
    return std::unexpected(fmt::format("--slab: \"{}\" is unknown; give slub, slab, slob or all", arguments.slab));
  if (!arguments.memory.empty()) {
    const auto memory = parse_size(arguments.memory);
    if (!memory) return std::unexpected("--memory: " + memory.error());
    if (*memory < kLeastArena || *memory > kMostArena) return std::unexpected("--memory: give 16M to 64G");
    options.arena = *memory;
  }
  const auto managers = manager_list(arguments.managers);
  if (!managers) return std::unexpected(managers.error());
  for (const std::string_view manager : *managers) {
    if (manager == "memblock")
      for (const phys::Fit fit : fits) options.managers.push_back(measure::memblock_manager(fit));
    if (manager == "buddy") options.managers.push_back(measure::buddy_manager());
    if (manager == "slab")
      for (const phys::SlabPolicy policy : policies) options.managers.push_back(measure::slab_manager(policy));
    if (manager == "vmalloc") options.managers.push_back(measure::vmalloc_manager());
  }
  return options;
}

std::uint64_t arena_bytes(const MeasureAllocOptions &options, std::uint64_t peak_bytes) {
  constexpr std::uint64_t kBlock = 4ull << 20;
  const std::uint64_t wanted =
      options.arena ? *options.arena
                    : std::clamp(std::min(peak_bytes, kMostDefaultArena) * 2, kLeastArena, kMostDefaultArena);
  return (wanted + kBlock - 1) / kBlock * kBlock;
}

} // namespace pagoda::tools
