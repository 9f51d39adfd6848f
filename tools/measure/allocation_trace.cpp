#include "tools/measure/allocation_trace.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

namespace pagoda::measure {
namespace {

constexpr std::string_view kFirstLine = "pagoda-allocations 1";

// A line without its end; nothing at the end of the file. A longer one than any good line is cut.
std::optional<std::string> next_line(std::istream &in) {
  std::string line;
  for (int c = in.get(); c != std::istream::traits_type::eof(); c = in.get()) {
    if (c == '\n') return line;
    if (line.size() <= kLongestTraceLine) line += char(c);
  }
  if (line.empty()) return std::nullopt;
  return line;
}

std::optional<std::uint64_t> take_number(std::string_view &text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || value > ~0ull >> 1) return std::nullopt;
  text.remove_prefix(std::size_t(parsed.ptr - text.data()));
  return value;
}

class Reader {
public:
  // The error without its line.
  std::expected<void, std::string> line(std::string_view text) {
    if (text.empty() || text.front() == '#') return {};
    if (text.size() > kLongestTraceLine) return std::unexpected("the line is too long");
    if (trace_.operations.size() == kMostOperations)
      return std::unexpected(fmt::format("there are more than {} operations", kMostOperations));
    const char verb = text.front();
    text.remove_prefix(1);
    const bool spaced = text.starts_with(' ');
    const auto number = take_number(text);
    const auto bytes = verb == 'a' ? take_number(text) : std::optional<std::uint64_t>(0);
    if ((verb != 'a' && verb != 'f') || !spaced || !number || !bytes || !text.empty())
      return std::unexpected("it is neither \"a NUMBER BYTES\" nor \"f NUMBER\"");
    return verb == 'a' ? begin(*number, *bytes) : end(*number);
  }
  AllocationTrace finish() { return std::move(trace_); }

private:
  struct Live {
    std::uint32_t id;
    std::uint64_t bytes;
  };
  std::expected<void, std::string> begin(std::uint64_t number, std::uint64_t bytes) {
    if (bytes == 0 || bytes > kLargestAllocation)
      return std::unexpected(fmt::format("{} bytes are not from 1 to {}", bytes, kLargestAllocation));
    if (live_bytes_ > kMostLiveBytes - bytes)
      return std::unexpected(fmt::format("more than {} bytes are alive", kMostLiveBytes));
    const auto [place, fresh] = live_.try_emplace(number, Live{0, bytes});
    if (!fresh) return std::unexpected(fmt::format("number {} is allocated already", number));
    if (free_ids_.empty()) {
      place->second.id = trace_.ids++;
    } else {
      place->second.id = free_ids_.back();
      free_ids_.pop_back();
    }
    live_bytes_ += bytes;
    trace_.peak_bytes = std::max(trace_.peak_bytes, live_bytes_);
    trace_.operations.push_back({place->second.id, bytes});
    return {};
  }
  std::expected<void, std::string> end(std::uint64_t number) {
    const auto found = live_.find(number);
    if (found == live_.end()) return std::unexpected(fmt::format("number {} is not allocated", number));
    live_bytes_ -= found->second.bytes;
    free_ids_.push_back(found->second.id);
    trace_.operations.push_back({found->second.id, 0});
    live_.erase(found);
    return {};
  }

  AllocationTrace trace_;
  std::unordered_map<std::uint64_t, Live> live_;
  std::vector<std::uint32_t> free_ids_;
  std::uint64_t live_bytes_ = 0;
};

} // namespace

std::expected<AllocationTrace, std::string> read_trace(std::istream &in) {
  if (next_line(in) != kFirstLine)
    return std::unexpected(fmt::format("line 1: it is no allocation trace; one begins with \"{}\"", kFirstLine));
  Reader reader;
  for (std::uint64_t number = 2;; ++number) {
    const auto line = next_line(in);
    if (!line) break;
    if (const auto read = reader.line(*line); !read)
      return std::unexpected(fmt::format("line {}: {}", number, read.error()));
  }
  if (in.bad()) return std::unexpected("it could not be read to its end");
  AllocationTrace trace = reader.finish();
  if (trace.operations.empty()) return std::unexpected("there is no operation in it");
  return trace;
}

void write_trace(const AllocationTrace &trace, std::ostream &out) {
  out << kFirstLine << '\n';
  for (const AllocationOperation &operation : trace.operations)
    out << (operation.bytes != 0 ? fmt::format("a {} {}\n", operation.id, operation.bytes)
                                 : fmt::format("f {}\n", operation.id));
}

} // namespace pagoda::measure
