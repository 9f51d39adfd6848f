#include "tools/pagoda/control/vm_table.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "tools/pagoda/report/human.hpp"

namespace pagoda::tools {
namespace {

using vmm::control::Json;

constexpr std::size_t kColumns = 9;
constexpr std::size_t kLongestProgram = 40;
using Row = std::array<std::string, kColumns>;

std::uint64_t number(const Json &object, const char *key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string word(const Json &object, const char *key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string("-");
}

// "3d 4h", "5m 12s", "0.4s"
std::string duration(std::uint64_t ns) {
  const std::uint64_t s = ns / 1'000'000'000;
  if (s < 10) return fmt::format("{:.1f}s", double(ns) / 1e9);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h {}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d {}h", s / 86400, s / 3600 % 24);
}

// A file name is any bytes: what could move the cursor is not shown, nor more than a line's worth.
std::string printable(std::string text) {
  if (text.size() > kLongestProgram) {
    std::size_t cut = text.size() - kLongestProgram + 1;
    while (cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) ++cut; // inside a character
    text = "…" + text.substr(cut);
  }
  for (char &c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

Row row_of(const FoundVm &vm) {
  if (!vm.figures.is_object()) return {vm.id, "-", "-", "-", "-", "-", "-", "-", "(" + vm.problem + ")"};
  const Json &f = vm.figures;
  const Json memory = f.value("memory", Json::object());
  return {vm.id,
          word(f, "name"),
          std::to_string(number(f, "pid")),
          std::to_string(number(f, "cpus")),
          human_bytes(number(memory, "bytes")),
          human_bytes(number(memory, "used_bytes")),
          human_bytes(number(memory, "resident_bytes")),
          duration(number(f, "uptime_ns")),
          printable(word(f, "program"))};
}

} // namespace

std::string vm_table(std::span<const FoundVm> vms) {
  std::vector<Row> rows{{"ID", "NAME", "PID", "VCPUS", "MEMORY", "USED", "RESIDENT", "UPTIME", "PROGRAM"}};
  for (const FoundVm &vm : vms) rows.push_back(row_of(vm));
  std::array<std::size_t, kColumns> widths{};
  for (const Row &row : rows)
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Row &row : rows) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i)
      text += i < 2 ? fmt::format("{:<{}}  ", row[i], widths[i]) : fmt::format("{:>{}}  ", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

std::string vm_json(std::span<const FoundVm> vms) {
  Json list = Json::array();
  for (const FoundVm &vm : vms)
    list.push_back(vm.figures.is_object() ? vm.figures : Json{{"id", vm.id}, {"problem", vm.problem}});
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace pagoda::tools
