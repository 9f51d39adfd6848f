#include "vmm/control/line_buffer.hpp"

namespace pagoda::vmm::control {

void LineBuffer::append(std::string_view bytes) {
  if (overlong_) return;
  bytes_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  bytes_ += bytes;
}

std::optional<std::string> LineBuffer::next() {
  const std::size_t end = bytes_.find('\n', scanned_);
  const std::size_t length = (end == std::string::npos ? bytes_.size() : end) - begin_;
  if (length > longest_) { // a carriage return may not exceed it either
    overlong_ = true;
    bytes_ = {};
    begin_ = scanned_ = 0;
    return std::nullopt;
  }
  if (end == std::string::npos) {
    scanned_ = bytes_.size();
    return std::nullopt;
  }
  std::string line = bytes_.substr(begin_, length);
  begin_ = scanned_ = end + 1;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

} // namespace pagoda::vmm::control
