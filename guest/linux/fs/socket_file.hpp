// A guest's socket: the host's, plus what the host must not or cannot know.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <string>

#include "guest/linux/fs/host_file.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class SocketFile final : public HostFile {
public:
  SocketFile(UniqueFd fd, int family, int type, int flags, std::uint32_t creator)
      : HostFile(std::move(fd), FileKind::Socket, "", flags), family_(family), type_(type), creator_(creator) {
    path_ = anonymous_path("socket", host_fd());
  }
  std::int64_t seek(std::int64_t, int) override;
  [[nodiscard]] int family() const { return family_; }
  [[nodiscard]] int type() const { return type_; }
  [[nodiscard]] bool is_stream() const { return type_ == 1; }
  [[nodiscard]] std::uint32_t creator() const { return creator_; } // pid

  // SO_RCVTIMEO and SO_SNDTIMEO, in microseconds; 0: for ever. The host's would not see our waits.
  std::atomic<std::int64_t> receive_timeout_us{0};
  std::atomic<std::int64_t> send_timeout_us{0};
  // The directory that a unix socket was bound in: keeps its number, which is in the host's address,
  // from meaning another one.
  void keep_directory(UniqueFd directory) { directory_ = std::move(directory); }

private:
  int family_;
  int type_;
  std::uint32_t creator_;
  UniqueFd directory_;
};

} // namespace pagoda::kernel
