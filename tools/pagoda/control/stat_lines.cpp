#include "tools/pagoda/control/stat_lines.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/pagoda/report/human.hpp"

namespace pagoda::tools {
namespace {

using vmm::control::Json;

std::uint64_t at(const Json &figures, const char *pointer) {
  const Json::json_pointer where(pointer);
  if (!figures.contains(where)) return 0;
  const Json &value = figures[where];
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

std::uint64_t sum(const Json &figures, const char *key) {
  std::uint64_t total = 0;
  const auto found = figures.find(key);
  if (found == figures.end() || !found->is_object()) return 0;
  for (const auto &[name, count] : found->items())
    if (count.is_number_unsigned()) total += count.get<std::uint64_t>();
  return total;
}

constexpr std::string_view kRow = "{:>10}  {:>11}  {:>11}  {:>11}  {:>11}  {:>11}  {:>7}  {:>7}  {:>10}  {:>10}\n";

} // namespace

StatSample stat_sample(const Json &figures) {
  StatSample s;
  s.wall_ns = at(figures, "/time_ns/wall");
  s.guest_ns = at(figures, "/time_ns/guest");
  s.host_ns = at(figures, "/time_ns/host");
  s.exits = sum(figures, "exits");
  s.faults = sum(figures, "faults");
  s.calls = at(figures, "/syscalls/total");
  s.flushes = at(figures, "/flushes/batches");
  s.switches = at(figures, "/tasks/context_switches");
  s.free_bytes = at(figures, "/memory/frames/free") << 12;
  const std::uint64_t managed = at(figures, "/memory/frames/managed") << 12;
  s.used_bytes = managed > s.free_bytes ? managed - s.free_bytes : 0;
  s.cpus = unsigned(std::clamp<std::uint64_t>(at(figures, "/cpus"), 1, 64));
  return s;
}

std::string stat_header() {
  return fmt::format(kRow, "uptime", "exits/s", "faults/s", "calls/s", "flushes/s", "switches/s", "guest", "host",
                     "used", "free");
}

std::string stat_line(const StatSample &before, const StatSample &now) {
  const double seconds = now.wall_ns > before.wall_ns ? double(now.wall_ns - before.wall_ns) / 1e9 : 0;
  const auto grown = [](std::uint64_t from, std::uint64_t to) { return to > from ? to - from : 0; };
  const auto rate = [&](std::uint64_t StatSample::*field) {
    return seconds > 0 ? human_count(std::uint64_t(double(grown(before.*field, now.*field)) / seconds)) : "-";
  };
  // Of the time that all vCPUs had.
  const auto share = [&](std::uint64_t StatSample::*field) {
    if (seconds == 0) return std::string("-");
    return fmt::format("{:.0f} %", 100.0 * double(grown(before.*field, now.*field)) / 1e9 / (seconds * now.cpus));
  };
  return fmt::format(kRow, fmt::format("{:.1f} s", double(now.wall_ns) / 1e9), rate(&StatSample::exits),
                     rate(&StatSample::faults), rate(&StatSample::calls), rate(&StatSample::flushes),
                     rate(&StatSample::switches), share(&StatSample::guest_ns), share(&StatSample::host_ns),
                     human_bytes(now.used_bytes), human_bytes(now.free_bytes));
}

} // namespace pagoda::tools
