// The sockets in a runtime directory: NAME.sock of a VM that was given a name, else PID.sock.
//
// A socket is bound and listens under a temporary name before it appears under its own, by a link
// that fails where the name is taken. So what has a name can be connected to, and one that refuses
// is stale: its VM died without tidying up. Stale ones are removed under a lock of the directory.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "vmm/control/runtime_directory.hpp"
#include "vmm/fd.hpp"

namespace pagoda::vmm::control {

inline constexpr std::size_t kLongestName = 64;
// Letters, digits, '-', '_' and '.', a letter first: neither a number, which is a process, nor a
// path. Empty when it is fine, else what is wrong.
[[nodiscard]] std::string name_fault(std::string_view name);

// A socket of ours; the file goes with it.
class SocketFile {
public:
  // Empty `name`: the process id, "-2" and so on behind it for a second VM of one process.
  static std::expected<SocketFile, std::string> publish(RuntimeDirectory directory, const std::string &name);
  SocketFile(SocketFile &&other) noexcept;
  SocketFile &operator=(SocketFile &&) = delete;
  ~SocketFile();
  [[nodiscard]] const std::string &id() const { return id_; }
  [[nodiscard]] std::string path() const;
  [[nodiscard]] Fd take_socket() { return std::move(socket_); } // it listens, and does not block

private:
  SocketFile(RuntimeDirectory directory, std::string id, Fd socket, ino_t inode);
  RuntimeDirectory directory_;
  std::string id_;
  Fd socket_;
  ino_t inode_ = 0;
};

enum class Liveness : std::uint8_t { Live, Stale, Gone, Unknown };
// Connects; errno says why when that fails.
[[nodiscard]] Fd connect_to(const RuntimeDirectory &directory, const std::string &id);
[[nodiscard]] Liveness liveness(const RuntimeDirectory &directory, const std::string &id);
// Removes the socket if it is stale, also against others that try the same or begin to use the name.
void remove_stale(const RuntimeDirectory &directory, const std::string &id);
// Of the sockets in it, in order; temporary ones that were left behind are removed.
[[nodiscard]] std::vector<std::string> ids_in(const RuntimeDirectory &directory);

} // namespace pagoda::vmm::control
