#include "vmm/control/runtime_directory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace pagoda::vmm::control {
namespace {

std::vector<DirectoryChoice> choices_here() {
  return directory_choices(std::getenv("XDG_RUNTIME_DIR"), unsigned(::geteuid()));
}

std::unexpected<std::string> failed(const std::string &path, std::string_view why) {
  return std::unexpected(fmt::format("{}: {}", path, why));
}

// Others could rename what they do not own in a directory that they may write to, unless it is sticky.
bool safe_parent(const struct stat &st) {
  const bool ours = st.st_uid == 0 || st.st_uid == ::geteuid();
  return ours && ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (st.st_mode & S_ISVTX) != 0);
}

std::string_view fault_of(const struct stat &st) {
  if (st.st_uid != ::geteuid()) return "belongs to another user";
  if ((st.st_mode & 0077) != 0) return "may be entered by other users; it must have mode 0700";
  return {};
}

} // namespace

std::vector<DirectoryChoice> directory_choices(const char *runtime, unsigned uid) {
  std::vector<DirectoryChoice> choices;
  const auto add = [&](std::string parent, std::string name) {
    const bool known = std::ranges::any_of(choices, [&](const auto &c) { return c.parent == parent; });
    if (!known) choices.push_back({std::move(parent), std::move(name)});
  };
  if (runtime != nullptr && *runtime == '/') add(runtime, "pagoda"); // a relative one is to be ignored
  add(fmt::format("/run/user/{}", uid), "pagoda");
  if (uid == 0) add("/run", "pagoda");
  add("/tmp", fmt::format("pagoda-{}", uid));
  return choices;
}

std::expected<RuntimeDirectory, std::string> open_directory(const DirectoryChoice &choice, Create create) {
  RuntimeDirectory directory{choice.parent + "/" + choice.name, {}};
  struct stat st{};
  const Fd parent(::open(choice.parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fstat(parent.get(), &st) != 0) return failed(choice.parent, std::strerror(errno));
  if (!safe_parent(st)) return failed(choice.parent, "other users could replace what lies in it");
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const auto open = [&] { directory.fd = Fd(::openat(parent.get(), choice.name.c_str(), kFlags)); };
  open();
  if (!directory.fd && errno == ENOENT && create == Create::Yes) {
    const bool made = ::mkdirat(parent.get(), choice.name.c_str(), 0700) == 0;
    if (made || errno == EEXIST) open();
  }
  if (!directory.fd || ::fstat(directory.fd.get(), &st) != 0) return failed(directory.path, std::strerror(errno));
  if (const auto fault = fault_of(st); !fault.empty()) return failed(directory.path, fault);
  return directory;
}

std::expected<RuntimeDirectory, std::string> make_runtime_directory() {
  std::string why;
  for (const DirectoryChoice &choice : choices_here()) {
    auto directory = open_directory(choice, Create::Yes);
    if (directory) return directory;
    why += (why.empty() ? "" : "; ") + directory.error();
  }
  return std::unexpected("no directory for control sockets: " + why);
}

std::vector<RuntimeDirectory> runtime_directories() {
  std::vector<RuntimeDirectory> found;
  for (const DirectoryChoice &choice : choices_here())
    if (auto directory = open_directory(choice, Create::No)) found.push_back(std::move(*directory));
  return found;
}

} // namespace pagoda::vmm::control
