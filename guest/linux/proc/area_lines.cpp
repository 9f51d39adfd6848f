#include "guest/linux/proc/area_lines.hpp"

#include <fmt/format.h>
#include <iterator>
#include <sys/sysmacros.h>

namespace pagoda::kernel {

namespace {

constexpr std::size_t kNameColumn = 73;

std::string_view role_name(space::VmaRole role) {
  switch (role) {
  case space::VmaRole::Plain: return "";
  case space::VmaRole::Heap: return "[heap]";
  case space::VmaRole::Stack: return "[stack]";
  case space::VmaRole::Vdso: return "[vdso]";
  case space::VmaRole::Vvar: return "[vvar]";
  }
  return "";
}

const space::FileStore::Identity *identity_of(const space::Vma &area) {
  if (area.file) return &area.file->identity();
  if (area.object && !area.object->label().path.empty()) return &area.object->label();
  return nullptr;
}

// A line is one area: a newline in a name is written as \012.
void append_escaped(std::string &to, std::string_view name) {
  for (const char c : name) {
    if (c == '\n')
      to += "\\012";
    else
      to += c;
  }
}

std::string line_of(GvaRange range, std::string_view rights, std::uint64_t offset,
                    const space::FileStore::Identity *identity, std::string_view name) {
  const std::uint64_t device = identity != nullptr ? identity->device : 0;
  std::string line =
      fmt::format("{:08x}-{:08x} {} {:08x} {:02x}:{:02x} {} ", range.begin.value(), range.end.value(), rights, offset,
                  major(device), minor(device), identity != nullptr ? identity->inode : 0);
  if (!name.empty()) {
    if (line.size() < kNameColumn) line.resize(kNameColumn, ' ');
    append_escaped(line, name);
  }
  line += '\n';
  return line;
}

// Linux's two-letter flags of an area, those that have a meaning here.
std::string flags_of(const space::Vma &area) {
  std::string flags;
  const auto add = [&](bool set, const char *name) {
    if (set) flags.append(" ").append(name);
  };
  add(has(area.prot, Prot::Read), "rd");
  add(has(area.prot, Prot::Write), "wr");
  add(has(area.prot, Prot::Execute), "ex");
  add(area.shared, "sh");
  add(has(area.max_prot, Prot::Read), "mr");
  add(has(area.max_prot, Prot::Write), "mw");
  add(has(area.max_prot, Prot::Execute), "me");
  add(area.shared && has(area.max_prot, Prot::Write), "ms");
  add(area.grows_down, "gd");
  add(area.dont_fork, "dc");
  add(area.no_reserve, "nr");
  add(area.wipe_on_fork, "wf");
  return flags;
}

constexpr std::uint64_t kilobytes(std::uint64_t pages) { return pages << (kPageShift - 10); }

void append_row(std::string &to, std::string_view label, std::uint64_t kb) {
  fmt::format_to(std::back_inserter(to), "{:<16}{:8} kB\n", label, kb);
}

struct Sums {
  space::PageFigures pages;
  std::uint64_t anonymous = 0;
  void add(const space::Vma &area, const space::PageFigures &more) {
    pages.resident += more.resident;
    pages.accessed += more.accessed;
    pages.private_clean += more.private_clean;
    pages.private_dirty += more.private_dirty;
    pages.shared_clean += more.shared_clean;
    pages.shared_dirty += more.shared_dirty;
    pages.proportional_bytes += more.proportional_bytes;
    if (!area.file && !area.object) anonymous += more.resident;
  }
};

void append_figures(std::string &to, const Sums &sums) {
  append_row(to, "Rss:", kilobytes(sums.pages.resident));
  append_row(to, "Pss:", sums.pages.proportional_bytes >> 10);
  append_row(to, "Shared_Clean:", kilobytes(sums.pages.shared_clean));
  append_row(to, "Shared_Dirty:", kilobytes(sums.pages.shared_dirty));
  append_row(to, "Private_Clean:", kilobytes(sums.pages.private_clean));
  append_row(to, "Private_Dirty:", kilobytes(sums.pages.private_dirty));
  append_row(to, "Referenced:", kilobytes(sums.pages.accessed));
  append_row(to, "Anonymous:", kilobytes(sums.anonymous));
  // No lazily freed, huge, swapped or locked pages exist in this memory manager yet.
  for (const char *none : {"LazyFree:", "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:",
                           "Private_Hugetlb:", "Swap:", "SwapPss:", "Locked:"})
    append_row(to, none, 0);
}

} // namespace

std::string maps_line(const space::Vma &area) {
  const char rights[] = {has(area.prot, Prot::Read) ? 'r' : '-', has(area.prot, Prot::Write) ? 'w' : '-',
                         has(area.prot, Prot::Execute) ? 'x' : '-', area.shared ? 's' : 'p'};
  const auto *identity = identity_of(area);
  const std::string_view name = identity != nullptr ? std::string_view(identity->path) : role_name(area.role);
  const std::uint64_t offset = area.file || area.object ? area.file_offset : 0;
  return line_of(area.range, {rights, 4}, offset, identity, name);
}

std::string maps_text(const std::vector<space::Vma> &areas) {
  std::string text;
  for (const auto &area : areas) text += maps_line(area);
  return text;
}

std::string smaps_block(const space::Vma &area, const space::PageFigures &pages) {
  std::string text = maps_line(area);
  append_row(text, "Size:", kilobytes(area.pages()));
  append_row(text, "KernelPageSize:", kPageSize >> 10);
  append_row(text, "MMUPageSize:", kPageSize >> 10);
  Sums sums;
  sums.add(area, pages);
  append_figures(text, sums);
  text += fmt::format("THPeligible:    {:8}\n", 0);
  text += "VmFlags:" + flags_of(area) + " \n";
  return text;
}

std::string smaps_text(const space::Space &space) {
  std::string text;
  for (const auto &area : space.areas()) text += smaps_block(area, space.page_figures(area.range));
  return text;
}

std::string smaps_rollup_text(const space::Space &space) {
  const auto areas = space.areas();
  if (areas.empty()) return {};
  Sums sums;
  for (const auto &area : areas) sums.add(area, space.page_figures(area.range));
  std::string text = line_of({areas.front().range.begin, areas.back().range.end}, "---p", 0, nullptr, "[rollup]");
  append_figures(text, sums);
  return text;
}

} // namespace pagoda::kernel
