// One client of a control socket: lines in, lines out, and an end to both.
//
// Memory is bounded by Limits: a line, one piece read ahead, the unread answers and the one that went
// beyond their limit. While too much is unread, nothing is read; a client that takes nothing for
// `stalled` or says nothing whole for `idle` is closed.
// Lives on the one thread that runs its io_context.
#pragma once

#include <array>
#include <memory>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "vmm/control/handlers.hpp"
#include "vmm/control/limits.hpp"
#include "vmm/control/line_buffer.hpp"

namespace pagoda::vmm::control {

class Connection : public std::enable_shared_from_this<Connection> {
public:
  using Socket = boost::asio::local::stream_protocol::socket;
  Connection(Socket socket, const Handlers &handlers, const Limits &limits);
  void start();
  // Says why and hangs up, once that was read.
  void refuse(std::string_view error, std::string_view hint);
  void close();
  [[nodiscard]] bool open() const { return socket_.is_open(); }

private:
  using Error = boost::system::error_code;
  void proceed(); // whatever can be done next: answer, write, read, or hang up
  [[nodiscard]] std::size_t unread() const { return waiting_.size() + leaving_.size() - gone_; }
  void answer_lines();
  void read();
  void on_read(const Error &error, std::size_t bytes);
  void write();
  void on_written(const Error &error, std::size_t bytes);
  void arm(std::chrono::milliseconds within);

  Socket socket_;
  boost::asio::steady_timer timer_;
  const Handlers &handlers_;
  const Limits &limits_;
  LineBuffer lines_;
  std::array<char, 16 << 10> piece_;
  std::string waiting_; // answers behind the one that is going out
  std::string leaving_; // [gone_, end) has not left; stays where it is while it is written
  std::size_t gone_ = 0;
  bool reading_ = false, writing_ = false;
  bool ended_ = false;   // nothing more is read; closed when everything has left
  bool refused_ = false; // nothing more is answered
};

} // namespace pagoda::vmm::control
