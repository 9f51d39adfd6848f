#include "guest/linux/syscall/memory/policy_arguments.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>

#include "guest/linux/kernel.hpp"
#include "guest/linux/user_memory.hpp"
#include "mmu/space/policy_pages.hpp"

namespace pagoda::kernel::memory {

namespace {

constexpr std::uint64_t kMaxBits = kPageSize * 8; // Linux: a mask is a page long at most
constexpr unsigned kWordBits = 64;
static_assert(phys::kMaxNodes == kWordBits, "a set of nodes is one word");

// The words of a mask behind the first must be empty: there are no such nodes.
int check_rest(const Call &call, Gva from, std::uint64_t bits) {
  std::array<std::uint64_t, 64> words;
  while (bits != 0) {
    const std::size_t count = std::min<std::uint64_t>(words.size(), (bits + kWordBits - 1) / kWordBits);
    const std::span part(words.data(), count);
    const auto bytes = std::as_writable_bytes(part);
    if (fault::copy_in(*call.process.space, from, bytes) != bytes.size()) return EFAULT;
    const std::uint64_t here = std::min<std::uint64_t>(bits, count * kWordBits);
    if (here % kWordBits != 0) part.back() &= (1ull << here % kWordBits) - 1;
    if (std::ranges::any_of(part, [](std::uint64_t word) { return word != 0; })) return EINVAL;
    bits -= here;
    from = from + bytes.size();
  }
  return 0;
}

} // namespace

phys::NodeMask memory_nodes(const Call &call) { return space::memory_nodes(call.kernel.platform().memory); }

unsigned node_count(const Call &call) { return unsigned(call.kernel.platform().memory.topology().nodes.size()); }

std::expected<phys::NodeMask, int> read_nodes(const Call &call, Gva mask, std::uint64_t max) {
  --max; // the man page's oddity: the last bit does not count, and no bits at all are too many
  if (max == 0 || mask.value() == 0) return phys::NodeMask{};
  if (max > kMaxBits) return unexpected(EINVAL);
  std::uint64_t word = 0;
  if (!get_user(call, mask, word)) return unexpected(EFAULT);
  if (max < kWordBits) return phys::NodeMask(word & ((1ull << max) - 1));
  if (const int error = check_rest(call, mask + sizeof word, max - kWordBits); error != 0) return unexpected(error);
  return phys::NodeMask(word);
}

int write_nodes(const Call &call, Gva mask, std::uint64_t max, phys::NodeMask nodes) {
  const std::uint64_t bits = max - 1;
  const std::uint64_t words = bits / kWordBits + (bits % kWordBits != 0 ? 1 : 0);
  if (words == 0) return 0;
  if (words > kMaxBits / kWordBits) return EINVAL;
  std::array<std::uint64_t, kMaxBits / kWordBits> answer{};
  answer[0] = nodes.bits();
  const auto bytes = std::as_bytes(std::span(answer).first(words));
  return fault::copy_out(*call.process.space, mask, bytes) == bytes.size() ? 0 : EFAULT;
}

std::expected<PolicyArguments, int> read_policy(const Call &call, std::uint32_t mode_and_flags, Gva mask,
                                                std::uint64_t max) {
  const std::uint32_t mode = mode_and_flags & ~std::uint32_t(space::kPolicyFlags);
  if (mode >= space::kPolicyModes) return unexpected(EINVAL);
  const auto nodes = read_nodes(call, mask, max);
  if (!nodes) return unexpected(nodes.error());
  return PolicyArguments{space::PolicyMode(mode), space::PolicyFlags(mode_and_flags & space::kPolicyFlags), *nodes};
}

} // namespace pagoda::kernel::memory
