#include "tools/pagoda/options/run_options.hpp"

#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "mmu/space/layout32/kernel_layout32.hpp"
#include "tools/pagoda/options/nodes.hpp"
#include "tools/pagoda/options/units.hpp"
#include "vmm/control/socket_file.hpp"

namespace pagoda::tools {
namespace {

using Problem = std::optional<std::string>;

template <class T> std::optional<T> whole_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value, base);
  if (text.empty() || error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

Problem check_memory(std::string_view option, std::string_view typed, std::uint64_t bytes) {
  if (bytes < kMinimumMemory)
    return fmt::format("{}: \"{}\" is too little to run anything; give at least 1M (the default is 1G)", option, typed);
  if (bytes > kMaximumMemory)
    return fmt::format("{}: \"{}\" is more than Pagoda can give a guest; give at most 1T", option, typed);
  return std::nullopt;
}

Problem take_memory(const RunArguments &in, RunOptions &out) {
  if (in.memory.empty()) return std::nullopt;
  const auto bytes = parse_size(in.memory);
  if (!bytes) return "--memory: " + bytes.error();
  out.memory = *bytes;
  return check_memory("--memory", in.memory, *bytes);
}

Problem take_numbers(const RunArguments &in, RunOptions &out) {
  if (!in.cpus.empty()) {
    const auto cpus = whole_number<unsigned>(in.cpus);
    if (!cpus || *cpus < 1 || *cpus > kMaximumCpus)
      return fmt::format("--cpus: \"{}\" is not a number of processors; give 1 to {}", in.cpus, kMaximumCpus);
    out.cpus = *cpus;
  }
  if (!in.seed.empty()) {
    const bool hex = in.seed.starts_with("0x");
    const auto seed = whole_number<std::uint64_t>(std::string_view(in.seed).substr(hex ? 2 : 0), hex ? 16 : 10);
    if (!seed) return fmt::format("--seed: \"{}\" is not a 64-bit number; give one such as 42 or 0x2a", in.seed);
    out.seed = *seed;
  }
  return std::nullopt;
}

// After memory and CPUs, which it divides.
Problem take_nodes(const RunArguments &in, RunOptions &out) {
  if (in.nodes.empty()) {
    out.topology = phys::Topology::uma(out.memory, out.cpus);
    return std::nullopt;
  }
  const auto memory = in.memory.empty() ? std::nullopt : std::optional(out.memory);
  auto topology = parse_nodes(in.nodes, {memory, kDefaultMemory, out.cpus});
  if (!topology) return "--nodes: " + topology.error();
  out.topology = std::move(*topology);
  out.memory = out.topology.bytes();
  return check_memory("--nodes", in.nodes, out.memory);
}

Problem take_movable(const RunArguments &in, RunOptions &out) {
  if (!in.movable.empty()) {
    const auto bytes = parse_size(in.movable);
    if (!bytes) return "--movable: " + bytes.error();
    if (*bytes > out.memory - kMinimumMemory)
      return fmt::format("--movable: \"{}\" leaves nothing for page tables; give less than the memory, at most {}K",
                         in.movable, (out.memory - kMinimumMemory) >> 10);
    out.topology.movable_bytes = *bytes;
  }
  const std::string problem = out.topology.problem();
  if (problem.empty()) return std::nullopt;
  return fmt::format("{}: {}; give other sizes", in.nodes.empty() ? "--movable" : "--nodes", problem);
}

Problem take_pmem(const RunArguments &in, RunOptions &out) {
  if (in.pmem.empty()) return std::nullopt;
  auto pmem = parse_pmem(in.pmem);
  if (!pmem) return "--pmem: " + pmem.error();
  out.pmem = std::move(*pmem);
  out.mounts.pmem = true;
  return std::nullopt;
}

// After the memory is known.
Problem take_layout(const RunArguments &in, RunOptions &out) {
  if (in.layout == "64") return std::nullopt;
  if (in.layout != "32") return fmt::format("--layout: \"{}\" is unknown; give 64 or 32", in.layout);
  out.topology.layout = phys::LayoutKind::Split32;
  const std::uint64_t most = space::kMostMemory32 - (phys::kHoleEnd - phys::kHoleBegin);
  if (out.memory <= most) return std::nullopt;
  return fmt::format("--layout: 32 bits reach {}G of memory; give no more than that, or --layout 64", most >> 30);
}

Problem take_slab(const RunArguments &in, RunOptions &out) {
  if (in.slab == "slub")
    out.slab = phys::SlabPolicy::Slub;
  else if (in.slab == "slab")
    out.slab = phys::SlabPolicy::Slab;
  else if (in.slab == "slob")
    out.slab = phys::SlabPolicy::Slob;
  else
    return fmt::format("--slab: \"{}\" is unknown; give slub, slab or slob", in.slab);
  return std::nullopt;
}

Problem take_timeout(const RunArguments &in, RunOptions &out) {
  if (in.timeout.empty()) return std::nullopt;
  const auto duration = parse_duration(in.timeout);
  if (!duration) return "--timeout: " + duration.error();
  out.timeout = *duration;
  return std::nullopt;
}

Problem take_root(const RunArguments &in, RunOptions &out) {
  std::error_code error;
  if (!std::filesystem::is_directory(in.root, error))
    return fmt::format("--root: \"{}\" is not a directory; give one that exists on this host", in.root);
  out.mounts.root = in.root;
  return std::nullopt;
}

Problem take_binds(const RunArguments &in, RunOptions &out) {
  for (const std::string &text : in.binds) {
    auto bind = parse_bind(text);
    if (!bind) return "--bind: " + bind.error();
    std::error_code error;
    if (!std::filesystem::exists(bind->source, error))
      return fmt::format("--bind: \"{}\" does not exist on this host; give an existing file or directory as SRC",
                         bind->source);
    out.mounts.binds.push_back(std::move(*bind));
  }
  return std::nullopt;
}

Problem take_environment(const RunArguments &in, RunOptions &out) {
  for (const std::string &entry : in.environment) {
    const auto equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fmt::format("--env: \"{}\" has no name or no value; write NAME=VALUE", entry);
  }
  out.environment = in.environment;
  out.clean_environment = in.clean_environment;
  if (!in.working_directory.empty() && in.working_directory.front() != '/')
    return fmt::format("--workdir: \"{}\" is not absolute; give a path inside the guest that begins with /",
                       in.working_directory);
  out.working_directory = in.working_directory;
  return std::nullopt;
}

Problem take_name(const RunArguments &in, RunOptions &out) {
  if (in.name.empty()) return std::nullopt;
  if (const auto fault = vmm::control::name_fault(in.name); !fault.empty())
    return fmt::format("--name: \"{}\" {}; give a short word such as web-1", in.name, fault);
  out.name = in.name;
  return std::nullopt;
}

Problem take_choices(const RunArguments &in, RunOptions &out) {
  if (in.net != "none" && in.net != "host")
    return fmt::format("--net: \"{}\" is unknown; give none (nothing leaves the guest) or host", in.net);
  out.network_host = in.net == "host";
  if (in.backing != "anonymous" && in.backing != "memfd")
    return fmt::format("--backing: \"{}\" is unknown; give anonymous or memfd", in.backing);
  out.backing = in.backing == "memfd" ? BackingChoice::Memfd : BackingChoice::Anonymous;
  if (in.stats == "text")
    out.stats = StatsFormat::Text;
  else if (in.stats == "json")
    out.stats = StatsFormat::Json;
  else if (!in.stats.empty())
    return fmt::format("--stats: \"{}\" is unknown; give --stats, --stats=text or --stats=json", in.stats);
  out.stats_file = in.stats_file;
  if (!out.stats_file.empty() && out.stats == StatsFormat::None) out.stats = StatsFormat::Text;
  return std::nullopt;
}

Problem take_trace(const RunArguments &in, RunOptions &out) {
  out.trace_file = in.trace_file;
  out.record_memory = in.record_memory;
  out.record_allocations = in.record_allocations;
  if (in.trace.empty()) {
    if (!in.trace_file.empty())
      return "--trace-file: nothing is traced; add --trace with exits, faults, syscalls or malloc";
    return std::nullopt;
  }
  const auto choice = parse_trace(in.trace);
  if (!choice) return "--trace: " + choice.error();
  out.trace = *choice;
  return std::nullopt;
}

// The parts between colons; "\:" is a colon of a part.
std::vector<std::string> split_at_colons(std::string_view text) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ':')
      parts.back().push_back(text[++i]);
    else if (text[i] == ':')
      parts.emplace_back();
    else
      parts.back().push_back(text[i]);
  }
  return parts;
}

} // namespace

std::expected<vmm::PersistentMemoryConfig, std::string> parse_pmem(std::string_view text) {
  const std::vector<std::string> parts = split_at_colons(text);
  if (parts.size() > 2 || parts[0].empty())
    return std::unexpected(
        fmt::format("\"{}\" does not name a file; write FILE or FILE:SIZE, and \\: for a colon", text));
  vmm::PersistentMemoryConfig config{.path = parts[0]};
  if (parts.size() == 1) return config;
  const auto bytes = parse_size(parts[1]);
  if (!bytes) return std::unexpected(bytes.error());
  if (*bytes == 0 || *bytes % kPageSize != 0)
    return std::unexpected(fmt::format("\"{}\" is not whole pages; give a multiple of 4K", parts[1]));
  config.bytes = *bytes;
  return config;
}

std::expected<kernel::MountOptions::Bind, std::string> parse_bind(std::string_view text) {
  const std::vector<std::string> parts = split_at_colons(text);
  const auto wrong = [&](std::string_view why) {
    return std::unexpected(fmt::format("\"{}\" {}; write SRC:DST or SRC:DST:rw", text, why));
  };
  if (parts.size() < 2 || parts.size() > 3) return wrong("does not have two or three parts");
  if (parts[0].empty()) return wrong("has no source");
  if (parts[1].empty() || parts[1].front() != '/') return wrong("has a destination that does not begin with /");
  kernel::MountOptions::Bind bind{parts[0], parts[1], kernel::Writable::No};
  if (parts.size() == 3) {
    if (parts[2] != "rw" && parts[2] != "ro") return wrong("ends in neither rw nor ro");
    if (parts[2] == "rw") bind.writable = kernel::Writable::Yes;
  }
  return bind;
}

std::expected<TraceChoice, std::string> parse_trace(std::string_view text) {
  TraceChoice choice;
  while (true) {
    const auto comma = text.find(',');
    const auto item = text.substr(0, comma);
    if (item == "exits")
      choice.exits = true;
    else if (item == "faults")
      choice.faults = true;
    else if (item == "syscalls")
      choice.syscalls = true;
    else if (item == "malloc")
      choice.malloc = true;
    else
      return std::unexpected(fmt::format("\"{}\" cannot be traced; give any of exits,faults,syscalls,malloc", item));
    if (comma == std::string_view::npos) return choice;
    text.remove_prefix(comma + 1);
  }
}

std::expected<RunOptions, std::string> check(const RunArguments &arguments) {
  RunOptions options;
  for (auto take : {take_memory, take_numbers, take_nodes, take_movable, take_layout, take_pmem, take_slab,
                    take_timeout, take_root, take_binds, take_environment, take_name, take_choices, take_trace})
    if (auto problem = take(arguments, options)) return std::unexpected(std::move(*problem));
  if (arguments.command.empty() || arguments.command.front().empty())
    return std::unexpected("run: no program was given; write `pagoda run [OPTIONS] PROGRAM [ARGS...]`");
  options.program = arguments.command.front();
  options.arguments.assign(arguments.command.begin() + 1, arguments.command.end());
  return options;
}

} // namespace pagoda::tools
