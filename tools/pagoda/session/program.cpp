#include "tools/pagoda/session/program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "tools/pagoda/exit_codes.hpp"

namespace pagoda::tools {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Where a guest has a directory of its own instead of the host's.
constexpr std::array<std::string_view, 4> kOwnDirectories{"/tmp", "/var/tmp", "/dev/shm", "/run"};

bool inside(std::string_view path, std::string_view directory) {
  return path == directory || (path.starts_with(directory) && path.substr(directory.size()).starts_with('/'));
}

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

std::string_view value_in(const std::vector<std::string> &environment, std::string_view name) {
  for (const std::string &entry : environment)
    if (entry.size() > name.size() && entry[name.size()] == '=' && name_of(entry) == name)
      return std::string_view(entry).substr(name.size() + 1);
  return {};
}

// 0, or the errno that opening it as a program gives.
int try_program(kernel::MountTable &mounts, const std::string &path) {
  std::string resolved;
  const auto file = mounts.open_executable(nullptr, path, resolved);
  return file ? 0 : std::abs(file.error());
}

struct Found {
  std::string path;
  int error = 0;
};

Found search_path(kernel::MountTable &mounts, std::string_view path, const std::string &program,
                  const std::string &directory) {
  Found result{program, ENOENT};
  while (true) {
    const auto colon = path.find(':');
    const std::string_view entry = path.substr(0, colon);
    const std::string base = entry.empty()          ? directory
                             : entry.front() == '/' ? std::string(entry)
                                                    : fmt::format("{}/{}", directory, entry);
    const std::string candidate = fmt::format("{}/{}", base == "/" ? "" : base, program);
    const int error = try_program(mounts, candidate);
    if (error == 0) return {candidate, 0};
    if (error == EACCES) result = {candidate, EACCES}; // as shells do: go on, but remember it
    if (colon == std::string_view::npos) return result;
    path.remove_prefix(colon + 1);
  }
}

// A program that the host has and the guest does not: say why, since this surprises everybody once.
std::string visibility_hint(const std::string &what, const RunOptions &options) {
  std::error_code ignored;
  if (!options.mounts.private_tmp || !std::filesystem::exists(what, ignored)) return {};
  for (const std::string_view own : kOwnDirectories)
    if (inside(what, own)) return fmt::format("; the guest's {} is its own and empty: add --bind {}:{}", own, own, own);
  return {};
}

} // namespace

std::vector<std::string> guest_environment(const RunOptions &options, const char *const *host) {
  std::vector<std::string> result;
  if (!options.clean_environment)
    for (; host != nullptr && *host != nullptr; ++host) result.emplace_back(*host);
  for (const std::string &entry : options.environment) {
    std::erase_if(result, [&](const std::string &old) { return name_of(old) == name_of(entry); });
    result.push_back(entry);
  }
  return result;
}

std::string working_directory(const RunOptions &options, const std::string &host_directory) {
  if (!options.working_directory.empty()) return options.working_directory;
  for (const auto &bind : options.mounts.binds)
    if (bind.source == bind.destination && inside(host_directory, bind.source)) return host_directory;
  if (options.mounts.root != "/" || !host_directory.starts_with('/')) return "/";
  if (options.mounts.private_tmp)
    for (const std::string_view own : kOwnDirectories)
      if (inside(host_directory, own)) return "/";
  return host_directory;
}

RunOptions show_program(RunOptions options, const std::string &host_directory) {
  if (!options.mounts.private_tmp || options.mounts.root != "/" || !options.working_directory.empty()) return options;
  if (options.program.find('/') == std::string::npos) return options;
  const std::string path = (std::filesystem::path(host_directory) / options.program).lexically_normal().string();
  const bool hidden = std::ranges::any_of(kOwnDirectories, [&](auto own) { return inside(path, own); });
  const bool bound =
      std::ranges::any_of(options.mounts.binds, [&](const auto &bind) { return inside(path, bind.destination); });
  std::error_code ignored;
  if (!hidden || bound || !std::filesystem::is_regular_file(path, ignored)) return options;
  options.mounts.binds.push_back({.source = path, .destination = path});
  options.program_path = path;
  return options;
}

namespace {

// As a shell does: a missing interpreter is "not found", any other fault of it "cannot be executed".
StartFailure interpreter_failure(int error, const std::string &what, const std::string &interpreter,
                                 const RunOptions &options) {
  if (error == ENOENT || error == ENOTDIR)
    return {kExitNotFound, fmt::format("{}: its interpreter {} is not in the guest{}", what, interpreter,
                                       visibility_hint(interpreter, options))};
  return {kExitNotExecutable,
          fmt::format("{}: its interpreter {} cannot be run ({})", what, interpreter, std::strerror(error))};
}

} // namespace

StartFailure start_failure(int error, const std::string &what, const RunOptions &options,
                           const std::string &interpreter) {
  if (!interpreter.empty() && error != ENOMEM && error != E2BIG)
    return interpreter_failure(error, what, interpreter, options);
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    return {kExitNotFound, fmt::format("{}: no such program in the guest{}", what, visibility_hint(what, options))};
  case EISDIR: return {kExitNotExecutable, fmt::format("{}: is a directory; name a program in it", what)};
  case EACCES:
  case EPERM:
    return {kExitNotExecutable,
            fmt::format("{}: permission denied; it must be a regular file with execute permission (chmod +x)", what)};
  case ENOEXEC:
    return {kExitNotExecutable,
            fmt::format("{}: not a program for x86-64 Linux; give an ELF file or a script that begins with #!", what)};
  case ELIBBAD: return {kExitNotExecutable, fmt::format("{}: its interpreter is damaged", what)};
  case ENOMEM:
    return {kExitOwnError, fmt::format("{}: does not fit into the guest's memory; give it more with --memory", what)};
  case E2BIG:
    return {kExitNotExecutable,
            fmt::format("{}: arguments and environment are too long; shorten them or use --clean-env", what)};
  default: return {kExitNotExecutable, fmt::format("{}: cannot be run ({})", what, std::strerror(error))};
  }
}

std::expected<kernel::ProgramRequest, StartFailure> find_program(kernel::MountTable &mounts, const RunOptions &options,
                                                                 const char *const *host_environment) {
  std::error_code error;
  kernel::ProgramRequest request;
  request.environment = guest_environment(options, host_environment);
  request.working_directory = working_directory(options, std::filesystem::current_path(error).string());
  request.arguments.push_back(options.program);
  request.arguments.insert(request.arguments.end(), options.arguments.begin(), options.arguments.end());

  Found found{options.program, 0};
  if (options.program.find('/') == std::string::npos) {
    const auto path = value_in(request.environment, "PATH");
    found = search_path(mounts, path.empty() ? kDefaultPath : path, options.program, request.working_directory);
  } else {
    if (!options.program_path.empty())
      found.path = options.program_path;
    else if (options.program.front() != '/')
      found.path =
          fmt::format("{}/{}", request.working_directory == "/" ? "" : request.working_directory, options.program);
    found.error = try_program(mounts, found.path);
  }
  if (found.error != 0) return std::unexpected(start_failure(found.error, found.path, options));
  request.path = std::move(found.path);
  return request;
}

} // namespace pagoda::tools
