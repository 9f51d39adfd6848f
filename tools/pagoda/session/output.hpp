// Where reports and traces go: a file that was named, or standard error. Writes whole texts, also
// when a guest has left standard error non-blocking.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace pagoda::tools {

// Writes all of it; false when the descriptor does not take it (closed pipe, full disk).
bool write_all(int fd, std::string_view text);

class Output {
public:
  // Empty path: standard error. `option` names the option in the error sentence.
  static std::expected<Output, std::string> open(const std::string &path, std::string_view option);
  Output(Output &&other) noexcept;
  Output &operator=(Output &&) = delete;
  ~Output();
  bool write(std::string_view text) { return write_all(fd_, text); }
  [[nodiscard]] bool is_terminal() const;

private:
  Output(int fd, bool owned) : fd_(fd), owned_(owned) {}
  int fd_;
  bool owned_;
};

} // namespace pagoda::tools
