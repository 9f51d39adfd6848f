// /proc/PID/limits.
#include <array>
#include <fmt/format.h>
#include <string_view>

#include "guest/linux/proc/process_text.hpp"

namespace pagoda::kernel {

namespace {

struct Row {
  std::string_view name;
  std::string_view unit;
};

// By resource number.
constexpr std::array<Row, RLIM_NLIMITS> kRows{{
    {"Max cpu time", "seconds"},
    {"Max file size", "bytes"},
    {"Max data size", "bytes"},
    {"Max stack size", "bytes"},
    {"Max core file size", "bytes"},
    {"Max resident set", "bytes"},
    {"Max processes", "processes"},
    {"Max open files", "files"},
    {"Max locked memory", "bytes"},
    {"Max address space", "bytes"},
    {"Max file locks", "locks"},
    {"Max pending signals", "signals"},
    {"Max msgqueue size", "bytes"},
    {"Max nice priority", ""},
    {"Max realtime priority", ""},
    {"Max realtime timeout", "us"},
}};

std::string value(rlim_t limit) { return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit); }

} // namespace

std::string limits_text(const ProcessFigures &f) {
  std::string text = fmt::format("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    const rlimit &limit = f.limits[i];
    text += fmt::format("{:<25} {:<20} {:<20} ", kRows[i].name, value(limit.rlim_cur), value(limit.rlim_max));
    text += kRows[i].unit.empty() ? "\n" : fmt::format("{:<10}\n", kRows[i].unit);
  }
  return text;
}

} // namespace pagoda::kernel
