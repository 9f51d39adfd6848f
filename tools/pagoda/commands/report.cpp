#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/pagoda/control/figures.hpp"
#include "tools/pagoda/control/vms.hpp"
#include "tools/pagoda/nested.hpp"
#include "tools/pagoda/options/numbers.hpp"
#include "tools/pagoda/options/units.hpp"
#include "tools/pagoda/report/memory_samples.hpp"
#include "tools/pagoda/session/output.hpp"

namespace pagoda::tools {
namespace {

constexpr std::uint64_t kMostLooks = MemorySamples::kMostSamples;

struct MemoryArguments {
  std::string source, output = "memory.html", interval = "100ms", count = "20";
};

using Picture = std::expected<report::MemoryPicture, std::string>;

Picture from_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(fmt::format("{}: it cannot be opened", path));
  auto picture = read_memory_samples(file);
  if (!picture) return std::unexpected(fmt::format("{}: {}", path, picture.error()));
  return picture;
}

// The pageblocks are asked for once, at the end: the figures of the zones are small, they are not.
Picture from_vm(const std::string &vm, std::chrono::nanoseconds interval, std::uint64_t count) {
  const auto id = vm_id(vm);
  if (!id) return std::unexpected(id.error());
  MemorySamples samples;
  auto next = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto answer = ask_vm(*id, "memory", {{"pageblocks", i + 1 == count}});
    if (!answer) return std::unexpected(answer.error());
    if (const auto added = samples.add(*answer); !added)
      return std::unexpected(fmt::format("the answer of {} is of no use: {}", vm.empty() ? *id : vm, added.error()));
    if (i + 1 == count) break;
    next += interval;
    std::this_thread::sleep_until(next);
  }
  return samples.finish();
}

int write_page(const std::string &page, const std::string &path) {
  if (path == "-") return write_all(STDOUT_FILENO, page) ? 0 : own_error("standard output does not take the page");
  auto output = Output::open(path, "--output");
  if (!output) return own_error(output.error());
  if (!output->write(page))
    return own_error(fmt::format("--output: {} does not take the page; is the disk full?", path));
  fmt::print(stderr, "pagoda: the report is in {}\n", path);
  return 0;
}

int report_memory(const MemoryArguments &arguments) {
  const auto interval = parse_duration(arguments.interval);
  if (!interval) return own_error("--interval: " + interval.error());
  const auto count = parse_number(arguments.count, 1, kMostLooks);
  if (!count) return own_error("--count: " + count.error());
  std::error_code ignored;
  const bool file = std::filesystem::is_regular_file(arguments.source, ignored);
  const Picture picture = file ? from_file(arguments.source) : from_vm(arguments.source, *interval, *count);
  if (!picture) return own_error(picture.error());
  return write_page(report::memory_page(*picture), arguments.output);
}

Action configure_memory(CLI::App &app) {
  auto arguments = std::make_shared<MemoryArguments>();
  app.add_option("VM", arguments->source,
                 "A running VM by id, name or process id, or a file of samples; of the only VM when left out")
      ->type_name("VM|FILE");
  app.add_option("-o,--output", arguments->output, "Write the page there (default memory.html; - is standard output)")
      ->type_name("FILE");
  app.add_option("-i,--interval", arguments->interval, "Time between samples of a running VM (default 100ms)")
      ->type_name("DURATION");
  app.add_option("--count", arguments->count, "Samples of a running VM (default 20)")->type_name("N");
  return [arguments](const Rest &) { return report_memory(*arguments); };
}

constexpr std::array<Command, 1> kReports{{
    {"memory", "Draw the memory of a guest: pageblocks, fragmentation, what slab caches waste",
     "report memory [OPTIONS] [VM|FILE]",
     "  pagoda report memory\n"
     "  pagoda report memory web-1 --interval 1s --count 60 -o web-1.html\n"
     "  pagoda run --record-memory samples.json ./prog && pagoda report memory samples.json\n",
     false, configure_memory},
}};

} // namespace

Action configure_report(CLI::App &app) { return configure_nested(app, kReports); }

} // namespace pagoda::tools
