#include "tools/pagoda/session/output.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace pagoda::tools {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(std::size_t(written));
      continue;
    }
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      if (::poll(&ready, 1, 5000) > 0) continue;
    }
    return false;
  }
  return true;
}

std::expected<Output, std::string> Output::open(const std::string &path, std::string_view option) {
  if (path.empty()) return Output(STDERR_FILENO, false);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return std::unexpected(fmt::format("{}: cannot write \"{}\" ({}); give a file in a directory that you may write to",
                                       option, path, std::strerror(errno)));
  return Output(fd, true);
}

Output::Output(Output &&other) noexcept : fd_(other.fd_), owned_(std::exchange(other.owned_, false)) {}

Output::~Output() {
  if (owned_) ::close(fd_);
}

bool Output::is_terminal() const { return ::isatty(fd_) == 1; }

} // namespace pagoda::tools
