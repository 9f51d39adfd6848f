// NUMA policy (one node: what Linux answers there) and protection keys (a processor without them).
#include <algorithm>
#include <bit>
#include <cerrno>
#include <vector>

#include "guest/linux/syscall/long_call.hpp"
#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/map_arguments.hpp"
#include "guest/linux/syscall/memory/residency.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::memory {

namespace {

// uapi/linux/mempolicy.h
enum Mode : unsigned { kDefault = 0, kPreferred = 1, kBind = 2, kInterleave = 3, kLocal = 4, kPreferredMany = 5 };
constexpr unsigned kModeFlags = 0xe000; // MPOL_F_STATIC_NODES, RELATIVE_NODES, NUMA_BALANCING
constexpr unsigned kGetNode = 1, kGetAddress = 2, kGetAllowed = 4;
constexpr std::uint64_t kMaxNodeBits = kPageSize * 8;

enum class Nodes : std::uint8_t { None, First, Other };

// Reads a node mask of `max` bits; only node 0 exists.
std::expected<Nodes, int> read_nodes(Call &call, Gva mask, std::uint64_t max) {
  if (max != 0) --max; // the man page's oddity: the last bit does not count
  if (mask.value() == 0 || max == 0) return Nodes::None;
  if (max > kMaxNodeBits) return unexpected(EINVAL);
  std::vector<std::uint64_t> words((max + 63) / 64);
  const auto bytes = std::as_writable_bytes(std::span(words));
  if (fault::copy_in(*call.process.space, mask, bytes) != bytes.size()) return unexpected(EFAULT);
  if (max % 64 != 0) words.back() &= (1ull << (max % 64)) - 1;
  const bool first = (words[0] & 1) != 0;
  words[0] &= ~1ull;
  if (std::ranges::any_of(words, [](std::uint64_t word) { return word != 0; }))
    return first ? Nodes::First : Nodes::Other;
  return first ? Nodes::First : Nodes::None;
}

// Whether a policy of that mode over those nodes is one that a machine with node 0 alone accepts.
int check_policy(Call &call, unsigned mode_and_flags, Gva mask, std::uint64_t max) {
  const unsigned mode = mode_and_flags & ~kModeFlags;
  if (mode > kPreferredMany) return EINVAL;
  const auto nodes = read_nodes(call, mask, max);
  if (!nodes) return nodes.error();
  switch (mode) {
  case kDefault:
  case kLocal: return *nodes == Nodes::None ? 0 : EINVAL;
  case kPreferred: return *nodes == Nodes::Other ? EINVAL : 0;
  default: return *nodes == Nodes::First ? 0 : EINVAL;
  }
}

} // namespace

SysResult do_get_mempolicy(Call &call) {
  const std::uint64_t flags = call.arg(4);
  const Gva mode = call.arg_gva(0);
  const Gva mask = call.arg_gva(1);
  if ((flags & ~std::uint64_t(kGetNode | kGetAddress | kGetAllowed)) != 0) return SysResult::error(EINVAL);
  if ((flags & kGetAllowed) != 0 && (flags & (kGetNode | kGetAddress)) != 0) return SysResult::error(EINVAL);
  if (mask.value() != 0 && call.arg(2) < 1) return SysResult::error(EINVAL);
  const bool by_address = (flags & kGetAddress) != 0;
  if (!by_address && call.arg(3) != 0) return SysResult::error(EINVAL);
  if (!by_address && (flags & kGetNode) != 0) return SysResult::error(EINVAL); // only interleaving has a next node
  if (by_address) {
    const Gva page = call.arg_gva(3).page_floor();
    if (page >= space::kUserEnd || !fully_mapped(*call.process.space, {page, page + kPageSize}))
      return SysResult::error(EFAULT);
  }
  const std::int32_t answer = 0; // MPOL_DEFAULT, or node 0
  if (mode.value() != 0 && !put_user(call, mode, answer)) return SysResult::error(EFAULT);
  if (mask.value() == 0) return 0;
  if (call.arg(2) > kMaxNodeBits) return SysResult::error(EINVAL);
  std::vector<std::uint64_t> words((call.arg(2) + 63) / 64);
  if ((flags & kGetAllowed) != 0) words[0] = 1;
  const auto bytes = std::as_bytes(std::span(words));
  return fault::copy_out(*call.process.space, mask, bytes) == bytes.size() ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult do_set_mempolicy(Call &call) {
  return SysResult::error(check_policy(call, call.arg_uint(0), call.arg_gva(1), call.arg(2)));
}

SysResult do_mbind(Call &call) {
  constexpr unsigned kStrict = 1, kMove = 2, kMoveAll = 4;
  const auto range = decode_range(call.arg(0), call.arg(1), EINVAL, EINVAL);
  if (!range) return SysResult::error(range.error());
  const unsigned flags = call.arg_uint(5);
  if ((flags & ~(kStrict | kMove | kMoveAll)) != 0) return SysResult::error(EINVAL);
  if ((flags & kMoveAll) != 0 && call.process.credentials.euid != 0) return SysResult::error(EPERM);
  if (const int error = check_policy(call, call.arg_uint(2), call.arg_gva(3), call.arg(4)); error != 0)
    return SysResult::error(error);
  if (range->empty()) return 0;
  if (!kUserSpace.contains(*range) || !fully_mapped(*call.process.space, *range)) return SysResult::error(EFAULT);
  return 0;
}

// From node 0 to node 0: every page is where it should be.
SysResult do_migrate_pages(Call &call) {
  for (const unsigned i : {2u, 3u}) {
    const auto nodes = read_nodes(call, call.arg_gva(i), call.arg(1));
    if (!nodes) return SysResult::error(nodes.error());
    if (*nodes == Nodes::Other) return SysResult::error(EINVAL);
  }
  return 0;
}

SysResult do_move_pages(Call &call) {
  const std::uint64_t count = call.arg(1);
  if (call.arg(0) != 0 && call.arg_uint(0) != call.process.pid()) return SysResult::error(EPERM);
  space::Space &space = *call.process.space;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t page = 0;
    if (!get_user(call, call.arg_gva(2) + i * 8, page)) return SysResult::error(EFAULT);
    std::int32_t node = 0;
    if (call.arg(3) != 0 && !get_user(call, call.arg_gva(3) + i * 4, node)) return SysResult::error(EFAULT);
    std::int32_t status = space.query(Gva(page).page_floor()) ? 0 : -ENOENT;
    if (node != 0) return SysResult::error(ENODEV);
    if (!put_user(call, call.arg_gva(4) + i * 4, status)) return SysResult::error(EFAULT);
    if (i % 4096 == 4095 && is_dying(call)) return SysResult::error(EINTR);
  }
  return 0;
}

SysResult do_pkey_alloc(Call &call) {
  constexpr std::uint64_t kRights = 3; // PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE
  if (call.arg(0) != 0 || (call.arg(1) & ~kRights) != 0) return SysResult::error(EINVAL);
  return SysResult::error(ENOSPC);
}

SysResult do_pkey_free(Call & /*call*/) { return SysResult::error(EINVAL); }

// Key -1 means plain mprotect; no other key was ever given out.
SysResult do_pkey_mprotect(Call &call) {
  if (call.arg_int(3) != -1) return SysResult::error(EINVAL);
  return do_mprotect(call);
}

} // namespace pagoda::kernel::memory
