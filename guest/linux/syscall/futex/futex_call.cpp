// futex(2): the operations. The value of a word is looked at with Kernel::mutex held and the word
// pinned, so no wake-up falls between the look and the wait.
#include <cerrno>
#include <linux/futex.h>
#include <optional>

#include "guest/linux/kernel.hpp"
#include "guest/linux/sched/futex.hpp"
#include "guest/linux/syscall/futex/handlers.hpp"
#include "guest/linux/syscall/time/clock_id.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::futexes {
namespace {

// A pinned word and the identity of its futex.
struct Word {
  fault::PinnedWord pinned;
  FutexKey key;
};

std::expected<Word, int> open_word(const Call &call, Gva at, bool is_private, Access access) {
  if (at.value() % sizeof(std::uint32_t) != 0) return std::unexpected(EINVAL);
  auto pinned = fault::PinnedWord::pin(*call.process.space, at, access);
  if (!pinned) return std::unexpected(EFAULT);
  FutexKey key{call.process.space.get(), at.value()};
  if (!is_private) key = FutexKey{nullptr, pinned->frame().gpa().value() + at.page_offset()};
  return Word{std::move(*pinned), key};
}

struct WaitState : CallState {
  FutexWait wait;
  std::optional<Deadline> deadline;
  std::optional<fault::PinnedWord> word; // keeps a shared futex's frame from becoming another's
};

struct Operation {
  int command = 0;
  bool is_private = false;
  bool realtime = false;
};

Operation decode(const Call &call) {
  const int op = call.arg_int(1);
  return {op & FUTEX_CMD_MASK, (op & FUTEX_PRIVATE_FLAG) != 0, (op & FUTEX_CLOCK_REALTIME) != 0};
}

// WAIT's timeout is relative, WAIT_BITSET's absolute. 0, or an errno.
int read_timeout(const Call &call, const Operation &operation, std::optional<Deadline> &deadline) {
  if (call.arg(3) == 0) return 0;
  timespec timeout{};
  if (!get_user(call, call.arg_gva(3), timeout)) return EFAULT;
  if (!valid(timeout)) return EINVAL;
  Nanoseconds remaining = to_ns(timeout);
  if (operation.command == FUTEX_WAIT_BITSET) {
    remaining -= read_host_clock(operation.realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC);
  }
  deadline = deadline_in(std::max<Nanoseconds>(remaining, 0));
  return 0;
}

SysResult wait_on(Call &call, const Operation &operation, WaitState &state) {
  auto word = open_word(call, call.arg_gva(0), operation.is_private, Access::Read);
  if (!word) return SysResult::error(word.error());
  const std::uint32_t expected = call.arg_uint(2);
  {
    LockGuard guard(call.kernel.mutex);
    if (word->pinned.load() != expected) return -EAGAIN;
    state.wait.key = word->key;
    call.kernel.futexes().add(call.task, state.wait);
  }
  state.word.reset();
  if (!operation.is_private) state.word.emplace(std::move(word->pinned));
  WaitFor wait;
  wait.deadline = state.deadline;
  // A relative timeout must not begin anew after a handler: Linux does not restart that either.
  wait.on_signal = state.deadline ? WaitFor::OnSignal::Interrupt : WaitFor::OnSignal::Restart;
  return SysResult::park(std::move(wait));
}

SysResult do_wait(Call &call, const Operation &operation, std::uint32_t bits) {
  if (bits == 0) return -EINVAL;
  const bool first = call.woken == Wake::None;
  auto &state = call.keep<WaitState>();
  if (first) {
    state.wait.bits = bits;
    if (const int error = read_timeout(call, operation, state.deadline)) return SysResult::error(error);
  }
  if (state.wait.woken) return 0;
  if (call.woken == Wake::Timeout) return -ETIMEDOUT;
  if (call.woken == Wake::Signal) return -EINTR;
  return wait_on(call, operation, state);
}

// A private futex is found without touching the word; a shared one needs its frame.
std::expected<FutexKey, int> key_of(const Call &call, Gva at, bool is_private) {
  if (at.value() % sizeof(std::uint32_t) != 0) return std::unexpected(EINVAL);
  if (is_private) {
    if (at >= space::kUserEnd) return std::unexpected(EFAULT);
    return FutexKey{call.process.space.get(), at.value()};
  }
  auto word = open_word(call, at, false, Access::Read);
  if (!word) return std::unexpected(word.error());
  return word->key;
}

SysResult do_wake(Call &call, const Operation &operation, std::uint32_t bits) {
  if (bits == 0) return -EINVAL;
  const auto key = key_of(call, call.arg_gva(0), operation.is_private);
  if (!key) return SysResult::error(key.error());
  // Linux wakes at least one, whatever the count.
  const unsigned limit = unsigned(std::max(1, call.arg_int(2)));
  LockGuard guard(call.kernel.mutex);
  return call.kernel.futexes().wake(*key, limit, bits);
}

SysResult do_requeue(Call &call, const Operation &operation, bool compare) {
  const int wake_limit = call.arg_int(2);
  const int move_limit = call.arg_int(3); // in the timeout's place
  if (wake_limit < 0 || move_limit < 0) return -EINVAL;
  auto from = open_word(call, call.arg_gva(0), operation.is_private, Access::Read);
  if (!from) return SysResult::error(from.error());
  auto to = open_word(call, call.arg_gva(4), operation.is_private, Access::Read);
  if (!to) return SysResult::error(to.error());
  LockGuard guard(call.kernel.mutex);
  if (compare && from->pinned.load() != call.arg_uint(5)) return -EAGAIN;
  return call.kernel.futexes().requeue(from->key, to->key, unsigned(wake_limit), unsigned(move_limit));
}

// FUTEX_WAKE_OP's instruction, packed into the last argument.
struct WakeOp {
  unsigned operation, comparison;
  std::uint32_t operand, against;
};

std::optional<WakeOp> decode_wake_op(std::uint32_t encoded) {
  const auto sign_extend = [](std::uint32_t twelve) { return std::uint32_t(std::int32_t(twelve << 20) >> 20); };
  WakeOp op{encoded >> 28 & 7, encoded >> 24 & 15, sign_extend(encoded >> 12 & 0xfff), sign_extend(encoded & 0xfff)};
  if ((encoded >> 28 & FUTEX_OP_OPARG_SHIFT) != 0) op.operand = 1u << (op.operand & 31);
  if (op.operation > FUTEX_OP_XOR || op.comparison > FUTEX_OP_CMP_GE) return std::nullopt;
  return op;
}

std::uint32_t apply(const WakeOp &op, std::uint32_t old) {
  switch (op.operation) {
  case FUTEX_OP_SET: return op.operand;
  case FUTEX_OP_ADD: return old + op.operand;
  case FUTEX_OP_OR: return old | op.operand;
  case FUTEX_OP_ANDN: return old & ~op.operand;
  default: return old ^ op.operand;
  }
}

bool holds(const WakeOp &op, std::uint32_t old) {
  const auto a = std::int32_t(old);
  const auto b = std::int32_t(op.against);
  switch (op.comparison) {
  case FUTEX_OP_CMP_EQ: return a == b;
  case FUTEX_OP_CMP_NE: return a != b;
  case FUTEX_OP_CMP_LT: return a < b;
  case FUTEX_OP_CMP_LE: return a <= b;
  case FUTEX_OP_CMP_GT: return a > b;
  default: return a >= b;
  }
}

SysResult do_wake_op(Call &call, const Operation &operation) {
  const auto op = decode_wake_op(call.arg_uint(5));
  if (!op) return -ENOSYS; // as Linux answers an unknown operation here
  const auto first = key_of(call, call.arg_gva(0), operation.is_private);
  if (!first) return SysResult::error(first.error());
  auto second = open_word(call, call.arg_gva(4), operation.is_private, Access::Write);
  if (!second) return SysResult::error(second.error());
  LockGuard guard(call.kernel.mutex);
  std::uint32_t old = second->pinned.load();
  while (!second->pinned.compare_exchange(old, apply(*op, old))) {}
  Futexes &all = call.kernel.futexes();
  unsigned woken = all.wake(*first, unsigned(std::max(1, call.arg_int(2))), kFutexAnyBit);
  if (holds(*op, old)) woken += all.wake(second->key, unsigned(std::max(1, call.arg_int(3))), kFutexAnyBit);
  return woken;
}

} // namespace

SysResult do_futex(Call &call) {
  const Operation operation = decode(call);
  if (operation.realtime && operation.command != FUTEX_WAIT_BITSET) return -ENOSYS;
  switch (operation.command) {
  case FUTEX_WAIT: return do_wait(call, operation, kFutexAnyBit);
  case FUTEX_WAIT_BITSET: return do_wait(call, operation, call.arg_uint(5));
  case FUTEX_WAKE: return do_wake(call, operation, kFutexAnyBit);
  case FUTEX_WAKE_BITSET: return do_wake(call, operation, call.arg_uint(5));
  case FUTEX_REQUEUE: return do_requeue(call, operation, false);
  case FUTEX_CMP_REQUEUE: return do_requeue(call, operation, true);
  case FUTEX_WAKE_OP: return do_wake_op(call, operation);
  default: return -ENOSYS; // priority inheritance; glibc goes on without
  }
}

} // namespace pagoda::kernel::futexes
