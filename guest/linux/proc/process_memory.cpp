#include "guest/linux/proc/process_memory.hpp"

#include <algorithm>
#include <cstring>

#include "mmu/fault/guest_memory.hpp"

namespace pagoda::kernel {

namespace {

// Linux bounds arguments and environment by a quarter of the stack limit; far above what is used.
constexpr std::uint64_t kMost = 2ull << 20;

std::string read_range(space::Space &space, GvaRange range) {
  if (range.empty()) return {};
  std::string text(std::min(range.length(), kMost), '\0');
  text.resize(fault::copy_in(space, range.begin, std::as_writable_bytes(std::span(text))));
  return text;
}

} // namespace

std::string command_line(const ProcessFigures &f) {
  if (!f.space) return {};
  std::string text = read_range(*f.space, f.image.arguments);
  if (text.empty() || text.back() == '\0') return text;
  // Overwritten: one string that goes on into the environment, up to its NUL.
  text += read_range(*f.space, f.image.environment);
  text.resize(std::strlen(text.c_str()));
  return text;
}

std::string environment(const ProcessFigures &f) {
  return f.space ? read_range(*f.space, f.image.environment) : std::string();
}

std::string auxiliary_vector(const ProcessFigures &f) {
  if (!f.space) return {};
  const auto &words = f.image.auxv;
  return {reinterpret_cast<const char *>(words.data()), words.size() * sizeof(words[0])};
}

} // namespace pagoda::kernel
