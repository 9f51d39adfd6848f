#include "tools/pagoda/options/run_options.hpp"

#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "tools/pagoda/options/units.hpp"

namespace pagoda::tools {
namespace {

using Problem = std::optional<std::string>;

template <class T> std::optional<T> whole_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value, base);
  if (text.empty() || error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

Problem take_memory(const RunArguments &in, RunOptions &out) {
  if (in.memory.empty()) return std::nullopt;
  const auto bytes = parse_size(in.memory);
  if (!bytes) return "--memory: " + bytes.error();
  if (*bytes < kMinimumMemory)
    return fmt::format("--memory: \"{}\" is too little to run anything; give at least 1M (the default is 1G)",
                       in.memory);
  if (*bytes > kMaximumMemory)
    return fmt::format("--memory: \"{}\" is more than Pagoda can give a guest; give at most 1T", in.memory);
  out.memory = *bytes;
  return std::nullopt;
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

} // namespace

std::expected<kernel::MountOptions::Bind, std::string> parse_bind(std::string_view text) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ':')
      parts.back().push_back(text[++i]);
    else if (text[i] == ':')
      parts.emplace_back();
    else
      parts.back().push_back(text[i]);
  }
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
  for (auto take :
       {take_memory, take_numbers, take_timeout, take_root, take_binds, take_environment, take_choices, take_trace})
    if (auto problem = take(arguments, options)) return std::unexpected(std::move(*problem));
  if (arguments.command.empty() || arguments.command.front().empty())
    return std::unexpected("run: no program was given; write `pagoda run [OPTIONS] PROGRAM [ARGS...]`");
  options.program = arguments.command.front();
  options.arguments.assign(arguments.command.begin() + 1, arguments.command.end());
  return options;
}

} // namespace pagoda::tools
