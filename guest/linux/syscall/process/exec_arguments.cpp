#include "guest/linux/syscall/process/exec_arguments.hpp"

#include <cerrno>

#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::process {

std::expected<std::vector<std::string>, int> read_strings(const Call &call, Gva vector, std::size_t &budget) {
  std::vector<std::string> strings;
  if (vector.value() == 0) return strings;
  for (Gva slot = vector;; slot += sizeof(std::uint64_t)) {
    std::uint64_t pointer = 0;
    if (!get_user(call, slot, pointer)) return std::unexpected(EFAULT);
    if (pointer == 0) return strings;
    auto text = fault::copy_string(*call.process.space, Gva(pointer), kMaxString);
    if (!text) return std::unexpected(text.error() == fault::StringError::TooLong ? E2BIG : EFAULT);
    const std::size_t cost = text->size() + 1 + sizeof pointer;
    if (cost > budget) return std::unexpected(E2BIG);
    budget -= cost;
    strings.push_back(std::move(*text));
  }
}

} // namespace pagoda::kernel::process
