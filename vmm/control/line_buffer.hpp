// Cuts a stream of bytes into lines and keeps at most one line and what was read last.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pagoda::vmm::control {

class LineBuffer {
public:
  explicit LineBuffer(std::size_t longest) : longest_(longest) {}
  void append(std::string_view bytes);
  // The next whole line, without its newline (and a carriage return before it).
  [[nodiscard]] std::optional<std::string> next();
  // The bytes that are left are no line and already more than one may have: hang up.
  [[nodiscard]] bool too_long() const { return overlong_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size() - begin_; }

private:
  std::size_t longest_;
  std::string bytes_;
  std::size_t begin_ = 0;   // of what was not handed out
  std::size_t scanned_ = 0; // no newline before it
  bool overlong_ = false;
};

} // namespace pagoda::vmm::control
