// The asking end of a control socket: connects, asks, waits for the answer, all within a time limit.
#pragma once

#include <chrono>
#include <expected>
#include <string>

#include "vmm/control/protocol.hpp"
#include "vmm/control/socket_file.hpp"

namespace pagoda::vmm::control {

inline constexpr std::size_t kLongestReply = 256 << 20;

class Client {
public:
  using Clock = std::chrono::steady_clock;
  // Stale: its VM is dead. Silent: it did not answer in time, as a stopped process does not.
  enum class Problem : std::uint8_t { Stale, Gone, Silent, Refused, Broken };
  struct Failure {
    Problem problem;
    Refusal refusal;
  };
  using Result = std::expected<Json, Failure>;

  static std::expected<Client, Failure> connect(const RuntimeDirectory &directory, const std::string &id,
                                                std::chrono::milliseconds limit);
  // Over a socket that is connected and does not block.
  Client(Fd socket, std::chrono::milliseconds limit) : socket_(std::move(socket)), limit_(limit) {}
  [[nodiscard]] Result ask(const std::string &ask, const Json &with = Json::object());

private:
  [[nodiscard]] std::expected<void, Failure> send(std::string_view bytes, Clock::time_point deadline);
  [[nodiscard]] std::expected<std::string, Failure> receive_line(Clock::time_point deadline);

  Fd socket_;
  std::chrono::milliseconds limit_;
  std::uint64_t next_id_ = 1;
  std::string received_; // behind the last line
};

} // namespace pagoda::vmm::control
