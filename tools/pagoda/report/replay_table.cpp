#include "tools/pagoda/report/replay_table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/pagoda/report/human.hpp"

namespace pagoda::tools {

std::string replay_text(const ReplayTable &table) {
  std::string text =
      fmt::format("{}: {} operations, at most {} live, in an arena of {}\n\n", table.trace,
                  human_count(table.operations), human_bytes(table.peak_bytes), human_bytes(table.arena_bytes));
  text += fmt::format("{:<10}{:<15}{:>10}{:>10}{:>12}{:>11}{:>18}\n", "manager", "policy", "internal", "external",
                      "peak held", "failures", "time/operation");
  for (const measure::ReplayFigures &row : table.rows)
    text += fmt::format("{:<10}{:<15}{:>8.1f} %{:>8.1f} %{:>12}{:>11}{:>11.1f} ns ±{:.0f}%\n", row.name, row.policy,
                        100 * row.internal, 100 * row.external, human_bytes(row.peak_held), human_count(row.failures),
                        row.ns_per_operation, 100 * row.spread);
  text += "\ninternal: of the memory kept for live allocations, what nobody asked for\n"
          "external: of the free memory, what no aligned block of 2 MiB can be made of\n";
  return text;
}

std::string replay_json(const ReplayTable &table) {
  using Json = nlohmann::ordered_json;
  Json rows = Json::array();
  for (const measure::ReplayFigures &row : table.rows)
    rows.push_back({{"manager", row.name},
                    {"policy", row.policy},
                    {"internal_fragmentation", row.internal},
                    {"external_fragmentation", row.external},
                    {"allocations", row.allocations},
                    {"frees", row.frees},
                    {"failures", row.failures},
                    {"peak_requested_bytes", row.peak_requested},
                    {"peak_held_bytes", row.peak_held},
                    {"ns_per_operation", row.ns_per_operation},
                    {"spread", row.spread}});
  const Json object = {{"trace", table.trace},
                       {"operations", table.operations},
                       {"peak_live_bytes", table.peak_bytes},
                       {"arena_bytes", table.arena_bytes},
                       {"rows", std::move(rows)}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace pagoda::tools
