#include "guest/linux/exec/stack_image.hpp"

#include <cerrno>
#include <cstring>
#include <elf.h>
#include <span>
#include <string_view>

namespace pagoda::kernel {
namespace {

constexpr std::string_view kPlatform = "x86_64";

// Fills a stack of known size from the top down.
class StackBuilder {
public:
  StackBuilder(Gva top, std::size_t size) : begin_(top - size), bytes_(size), cursor_(size) {}

  Gva push(std::span<const std::byte> data) {
    cursor_ -= data.size();
    std::memcpy(bytes_.data() + cursor_, data.data(), data.size());
    return position();
  }
  Gva push_string(std::string_view text) {
    cursor_ -= 1; // the NUL is there already
    return push(std::as_bytes(std::span(text)));
  }
  void skip(std::size_t bytes) { cursor_ -= bytes; }
  void align_down(std::size_t alignment) { cursor_ -= (begin_ + cursor_).value() % alignment; }
  [[nodiscard]] Gva position() const { return begin_ + cursor_; }
  [[nodiscard]] std::vector<std::byte> take() { return {bytes_.begin() + std::ptrdiff_t(cursor_), bytes_.end()}; }

private:
  Gva begin_;
  std::vector<std::byte> bytes_;
  std::size_t cursor_;
};

std::expected<std::size_t, int> string_bytes(const std::vector<std::string> &strings) {
  std::size_t total = 0;
  for (const auto &text : strings) {
    if (text.size() >= kMaxArgument) return std::unexpected(E2BIG);
    total += text.size() + 1;
  }
  return total;
}

// Pushes the strings so that they ascend in memory, and lists their addresses in order.
GvaRange push_block(StackBuilder &stack, const std::vector<std::string> &strings,
                    std::vector<std::uint64_t> &addresses) {
  const Gva end = stack.position();
  addresses.assign(strings.size(), 0);
  for (std::size_t i = strings.size(); i-- > 0;) addresses[i] = stack.push_string(strings[i]).value();
  return {stack.position(), end};
}

std::vector<std::uint64_t> vectors(const std::vector<std::uint64_t> &arguments,
                                   const std::vector<std::uint64_t> &environment,
                                   const std::vector<std::uint64_t> &auxv) {
  std::vector<std::uint64_t> words;
  words.reserve(arguments.size() + environment.size() + auxv.size() + 3);
  words.push_back(arguments.size());
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.push_back(0);
  words.insert(words.end(), environment.begin(), environment.end());
  words.push_back(0);
  words.insert(words.end(), auxv.begin(), auxv.end());
  return words;
}

} // namespace

std::expected<StackImage, int> build_stack(const StackRequest &request) {
  const auto arguments = string_bytes(request.arguments);
  const auto environment = string_bytes(request.environment);
  if (!arguments || !environment) return std::unexpected(E2BIG);
  const std::size_t words = 8 + request.arguments.size() + request.environment.size() + 2 * (request.auxv.size() + 4);
  const std::size_t size = *arguments + *environment + request.file_name.size() + words * 8 + 256;
  if (size > request.limit) return std::unexpected(E2BIG);

  StackBuilder stack(request.top, size);
  StackImage image;
  std::vector<std::uint64_t> argument_addresses;
  std::vector<std::uint64_t> environment_addresses;
  stack.skip(8);
  const Gva file_name = stack.push_string(request.file_name);
  image.environment = push_block(stack, request.environment, environment_addresses);
  image.arguments = push_block(stack, request.arguments, argument_addresses);
  const Gva platform = stack.push_string(kPlatform);
  const Gva random = stack.push(request.random);
  stack.align_down(16);

  for (auto [type, value] : request.auxv) image.auxv.insert(image.auxv.end(), {type, value});
  image.auxv.insert(image.auxv.end(), {AT_PLATFORM, platform.value(), AT_RANDOM, random.value(), AT_EXECFN,
                                       file_name.value(), AT_NULL, 0});
  const auto table = vectors(argument_addresses, environment_addresses, image.auxv);
  if (table.size() % 2 != 0) stack.skip(8); // rsp is 16-byte aligned at entry
  image.pointer = stack.push(std::as_bytes(std::span(table)));
  image.bytes = stack.take();
  return image;
}

} // namespace pagoda::kernel
