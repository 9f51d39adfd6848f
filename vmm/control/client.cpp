#include "vmm/control/client.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace pagoda::vmm::control {
namespace {

using Clock = Client::Clock;
using Failure = Client::Failure;
using Problem = Client::Problem;

std::unexpected<Failure> failed(Problem problem, std::string error, std::string hint = {}) {
  return std::unexpected(Failure{problem, {std::move(error), std::move(hint)}});
}

std::unexpected<Failure> silent(std::chrono::milliseconds limit) {
  return failed(Problem::Silent, fmt::format("the VM did not answer within {} ms", limit.count()),
                "is its process stopped? `kill -CONT PID` lets it go on");
}

// Until the descriptor is ready for it; false when time is up.
bool wait_until(int fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd poll{fd, events, 0};
    const int ready = ::poll(&poll, 1, int(std::min<std::int64_t>(left, 1'000'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

} // namespace

std::expected<Client, Failure> Client::connect(const RuntimeDirectory &directory, const std::string &id,
                                               std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (true) {
    if (Fd socket = connect_to(directory, id)) return Client(std::move(socket), limit);
    const int error = errno;
    if (error == ECONNREFUSED) return failed(Problem::Stale, "the VM has ended without tidying up");
    if (error == ENOENT) return failed(Problem::Gone, "the VM has ended");
    if (error != EAGAIN) return failed(Problem::Broken, fmt::format("cannot connect ({})", std::strerror(error)));
    if (Clock::now() >= deadline) return silent(limit);
    ::usleep(5000); // a unix socket with a full backlog gives no event to wait for
  }
}

std::expected<void, Failure> Client::send(std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(std::size_t(sent));
    } else if (sent < 0 && errno == EAGAIN) {
      if (!wait_until(socket_.get(), POLLOUT, deadline)) return silent(limit_);
    } else if (errno != EINTR) {
      return failed(Problem::Gone, "the VM ended the connection");
    }
  }
  return {};
}

std::expected<std::string, Failure> Client::receive_line(Clock::time_point deadline) {
  std::array<char, 64 << 10> piece;
  for (std::size_t scanned = 0;;) {
    if (const auto end = received_.find('\n', scanned); end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    scanned = received_.size();
    if (scanned > kLongestReply) return failed(Problem::Broken, "the answer does not end");
    const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    if (got > 0) {
      received_.append(piece.data(), std::size_t(got));
    } else if (got < 0 && errno == EAGAIN) {
      if (!wait_until(socket_.get(), POLLIN, deadline)) return silent(limit_);
    } else if (got == 0 || errno != EINTR) {
      return failed(Problem::Gone, "the VM ended before it answered");
    }
  }
}

Client::Result Client::ask(const std::string &ask, const Json &with) {
  const auto deadline = Clock::now() + limit_;
  const Json id = next_id_++;
  if (auto sent = send(encode_request({id, ask, with}), deadline); !sent) return std::unexpected(sent.error());
  while (true) {
    auto line = receive_line(deadline);
    if (!line) return std::unexpected(line.error());
    auto reply = parse_reply(*line);
    if (!reply) return std::unexpected(Failure{Problem::Broken, reply.error()});
    if (!reply->id.is_null() && reply->id != id) continue; // to a question that nobody waits for any more
    if (!reply->answer) return std::unexpected(Failure{Problem::Refused, reply->answer.error()});
    return std::move(*reply->answer);
  }
}

} // namespace pagoda::vmm::control
