// One screen: a label column, then what it says. Lines that would say nothing are left out.
#include <algorithm>

#include <fmt/format.h>

#include "tools/pagoda/report/human.hpp"
#include "tools/pagoda/report/report.hpp"

namespace pagoda::tools {
namespace {

constexpr std::size_t kTopCalls = 10;
constexpr std::size_t kWidth = 100;

// A label, then items wrapped to the width and aligned behind it.
std::string line(std::string_view label, const std::vector<std::string> &items) {
  std::string text = fmt::format("  {:<14}", label);
  std::size_t column = 16;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool last = i + 1 == items.size();
    const std::size_t length = items[i].size() + (last ? 0 : 2);
    if (column > 16 && column + length > kWidth) {
      text.pop_back(); // the space behind the comma
      text += fmt::format("\n{:16}", "");
      column = 16;
    }
    text += items[i];
    if (!last) text += ", ";
    column += length;
  }
  return text + "\n";
}

// "1 process", "2 processes"
std::string several(std::uint64_t count, std::string_view one, std::string_view plural_end = "s") {
  return fmt::format("{} {}{}", human_count(count), one, count == 1 ? "" : plural_end);
}

std::uint64_t total(const std::vector<NamedCount> &list) {
  std::uint64_t sum = 0;
  for (const NamedCount &item : list) sum += item.count;
  return sum;
}

std::vector<std::string> counted(const std::vector<NamedCount> &list, std::size_t limit = ~std::size_t{0}) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < std::min(list.size(), limit); ++i)
    items.push_back(fmt::format("{} {}", human_count(list[i].count), list[i].name));
  if (list.size() > limit) {
    std::uint64_t rest = 0;
    for (std::size_t i = limit; i < list.size(); ++i) rest += list[i].count;
    items.push_back(fmt::format("{} of {} others", human_count(rest), list.size() - limit));
  }
  return items;
}

std::string with_total(const std::vector<NamedCount> &list, std::string_view label, std::vector<std::string> items) {
  if (items.empty()) return line(label, {"none"});
  items.front() = fmt::format("{:>9}  =  {}", human_count(total(list)), items.front());
  return line(label, items);
}

std::string time_lines(const RunReport &r) {
  const std::uint64_t inside = r.guest_ns + r.host_ns;
  return line("time", {fmt::format("{} wall", human_time(r.wall_ns)),
                       fmt::format("{} in the guest ({})", human_time(r.guest_ns), human_share(r.guest_ns, inside)),
                       fmt::format("{} in the host", human_time(r.host_ns)),
                       fmt::format("{} to set up", human_time(r.setup_ns))});
}

std::string memory_lines(const RunReport &r) {
  std::string text = line("peak of one", {fmt::format("{} resident", human_pages(r.peak_resident_pages)),
                                          fmt::format("{} of it from files", human_pages(r.peak_file_pages)),
                                          fmt::format("{} virtual", human_pages(r.peak_virtual_pages))});
  text += line("page tables",
               {fmt::format("{} pages ({})", human_count(r.peak_table_pages), human_pages(r.peak_table_pages))});
  text += line("guest memory", {fmt::format("{} of {} frames free{}", human_count(r.frames_free),
                                            human_count(r.frames_managed), r.running ? "" : " at the end"),
                                fmt::format("{} allocated", human_count(r.frame_allocations)),
                                fmt::format("{} returned", human_count(r.frame_frees))});
  if (r.frame_failures != 0) text += line("", {fmt::format("{} allocations refused", human_count(r.frame_failures))});
  if (r.nodes > 1) text += line("memory nodes", {fmt::format("{}", r.nodes), r.node_binding});
  std::vector<std::string> blocks;
  for (std::size_t order = 0; order < r.free_blocks.size(); ++order)
    if (r.free_blocks[order] != 0)
      blocks.push_back(fmt::format("{} x {}", human_count(r.free_blocks[order]), human_pages(1ull << order)));
  text += line("buddy, free", blocks.empty() ? std::vector<std::string>{"nothing"} : blocks);
  return text;
}

std::string flush_line(const RunReport &r) {
  return line("TLB flushes", {several(r.flush_batches, "batch", "es"), several(r.flush_leaves, "page"),
                              fmt::format("{} full", human_count(r.flush_full))});
}

std::string task_line(const RunReport &r) {
  return line("tasks",
              {several(r.processes, "process", "es"), several(r.threads, "thread"), several(r.signals, "signal"),
               several(r.context_switches, "context switch", "es"), several(r.preemptions, "preemption")});
}

} // namespace

std::string report_text(const RunReport &r) {
  const std::string state = r.running ? "runs" : fmt::format("ended with {}", r.exit_code);
  std::string text = fmt::format("\npagoda: {} {} on a {} host, {} vCPU{}, {} of memory\n", r.program, state,
                                 r.host_kind, r.cpus, r.cpus == 1 ? "" : "s", human_bytes(r.memory_bytes));
  text += time_lines(r);
  text += with_total(r.exits, "exits", counted(r.exits));
  if (!r.exceptions.empty()) text += with_total(r.exceptions, "exceptions", counted(r.exceptions));
  text += with_total(r.faults, "faults", counted(r.faults));
  text += line("pages mapped",
               {fmt::format("{:>9}  of 4 KiB by faults ({})", human_count(r.fault_pages), human_pages(r.fault_pages)),
                fmt::format("{} faults taken for system calls", human_count(r.host_faults))});
  text += memory_lines(r);
  text += flush_line(r);
  text += with_total(r.syscalls, "system calls", counted(r.syscalls, kTopCalls));
  if (!r.unknown.empty()) text += with_total(r.unknown, "not supported", counted(r.unknown));
  text += task_line(r);
  return text;
}

} // namespace pagoda::tools
