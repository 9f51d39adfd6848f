#include "guest/linux/proc/numa_maps.hpp"

#include <array>
#include <fmt/format.h>
#include <iterator>

#include "guest/linux/proc/bitmap_text.hpp"

namespace pagoda::kernel {

namespace {

std::string_view mode_name(space::PolicyMode mode) {
  static constexpr std::array<std::string_view, space::kPolicyModes> kNames{"default",    "prefer", "bind",
                                                                            "interleave", "local",  "prefer (many)"};
  return kNames[std::size_t(mode)];
}

// Blanks end a word of the line, so they are written as octal numbers.
std::string escaped(std::string_view path) {
  std::string text;
  for (const char c : path) {
    if (c == '\n' || c == '\t' || c == ' ' || c == '=')
      fmt::format_to(std::back_inserter(text), "\\{:03o}", unsigned(c));
    else
      text += c;
  }
  return text;
}

std::string source_text(const space::Vma &area) {
  if (area.file) return " file=" + escaped(area.file->identity().path);
  if (area.object && !area.object->label().path.empty()) return " file=" + escaped(area.object->label().path);
  if (area.role == space::VmaRole::Heap) return " heap";
  return area.role == space::VmaRole::Stack ? " stack" : "";
}

} // namespace

std::string policy_text(const space::Mempolicy &policy) {
  std::string text(mode_name(policy.mode()));
  if (has(policy.flags(), space::PolicyFlags::StaticNodes)) text += "=static";
  if (has(policy.flags(), space::PolicyFlags::RelativeNodes)) text += "=relative";
  if (!policy.nodes().empty()) text += ":" + list_text(policy.nodes().bits());
  return text;
}

std::string numa_maps_line(const space::Vma &area, const space::Mempolicy &policy, const space::NumaFigures &figures) {
  std::string text = fmt::format("{:08x} {}{}", area.range.begin.value(), policy_text(policy), source_text(area));
  if (figures.pages == 0) return text + "\n";
  const auto add = [&](std::string_view name, std::uint64_t value) {
    fmt::format_to(std::back_inserter(text), " {}={}", name, value);
  };
  if (figures.anonymous != 0) add("anon", figures.anonymous);
  if (figures.dirty != 0) add("dirty", figures.dirty);
  if (figures.pages != figures.anonymous && figures.pages != figures.dirty) add("mapped", figures.pages);
  if (figures.most_mappings > 1) add("mapmax", figures.most_mappings);
  for (std::size_t node = 0; node < figures.by_node.size(); ++node)
    if (figures.by_node[node] != 0) add(fmt::format("N{}", node), figures.by_node[node]);
  add("kernelpagesize_kB", kPageSize >> 10);
  return text + "\n";
}

std::string numa_maps_text(const space::Space &space, const space::Mempolicy &task) {
  std::string text;
  for (const space::Vma &area : space.areas()) {
    const bool in_object = area.object != nullptr && area.file == nullptr;
    space::Mempolicy policy = in_object ? area.object->policy_at(area.file_offset) : area.policy;
    if (policy.is_default()) policy = task;
    text += numa_maps_line(area, policy, space.numa_figures(area.range));
  }
  return text;
}

} // namespace pagoda::kernel
