#include "vmm/control/connection.hpp"

#include <utility>

#include <fmt/format.h>

namespace pagoda::vmm::control {

Connection::Connection(Socket socket, const Handlers &handlers, const Limits &limits)
    : socket_(std::move(socket)), timer_(socket_.get_executor()), handlers_(handlers), limits_(limits),
      lines_(limits.line) {}

void Connection::start() {
  arm(limits_.idle);
  proceed();
}

void Connection::refuse(std::string_view error, std::string_view hint) {
  waiting_ += refusal_line(error, hint);
  ended_ = refused_ = true;
  proceed();
}

void Connection::close() {
  Error ignored;
  timer_.cancel();
  socket_.close(ignored);
}

void Connection::proceed() {
  if (!open()) return;
  if (!refused_) answer_lines();
  if (unread() != 0 && !writing_) write();
  if (ended_ && unread() == 0) return close();
  if (!ended_ && !reading_ && unread() < limits_.unread) read();
}

void Connection::answer_lines() {
  bool asked = false;
  while (unread() < limits_.unread) {
    const auto line = lines_.next();
    if (!line) break;
    asked = true;
    if (!line->empty()) waiting_ += handlers_.answer(*line);
  }
  if (lines_.too_long()) {
    waiting_ += refusal_line("the line is too long", fmt::format("a request has at most {} bytes", limits_.line));
    ended_ = refused_ = true;
  }
  if (asked && !writing_) arm(limits_.idle);
}

void Connection::read() {
  reading_ = true;
  socket_.async_read_some(
      boost::asio::buffer(piece_),
      [self = shared_from_this()](const Error &error, std::size_t bytes) { self->on_read(error, bytes); });
}

void Connection::on_read(const Error &error, std::size_t bytes) {
  reading_ = false;
  if (error) {
    // A client may close its side and still wait for the answers.
    ended_ = true;
    if (error != boost::asio::error::eof) return close();
  } else {
    lines_.append({piece_.data(), bytes});
  }
  proceed();
}

void Connection::write() {
  if (gone_ == leaving_.size()) {
    leaving_ = std::exchange(waiting_, {});
    gone_ = 0;
  }
  writing_ = true;
  arm(limits_.stalled);
  socket_.async_write_some(
      boost::asio::buffer(leaving_.data() + gone_, leaving_.size() - gone_),
      [self = shared_from_this()](const Error &error, std::size_t bytes) { self->on_written(error, bytes); });
}

void Connection::on_written(const Error &error, std::size_t bytes) {
  writing_ = false;
  if (error) return close();
  gone_ += bytes;
  if (gone_ == leaving_.size()) {
    leaving_ = {};
    gone_ = 0;
  }
  if (unread() == 0) arm(limits_.idle);
  proceed();
}

void Connection::arm(std::chrono::milliseconds within) {
  timer_.expires_after(within);
  timer_.async_wait([self = shared_from_this()](const Error &error) {
    if (!error) self->close();
  });
}

} // namespace pagoda::vmm::control
