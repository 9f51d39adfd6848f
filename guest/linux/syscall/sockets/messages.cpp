// send, recv and their kin: the host moves the bytes between its socket and pinned guest pages.
#include <poll.h>

#include "guest/linux/syscall/files/vectors.hpp"
#include "guest/linux/syscall/files/wait_mask.hpp"
#include "guest/linux/syscall/sockets/address.hpp"
#include "guest/linux/syscall/sockets/control.hpp"
#include "guest/linux/syscall/sockets/handlers.hpp"
#include "guest/linux/syscall/sockets/support.hpp"

namespace pagoda::kernel::sockets {
namespace {

using files::Chunk;
using files::pin_chunk;
using files::UserVectors;

constexpr int kSendFlags = MSG_OOB | MSG_DONTROUTE | MSG_EOR | MSG_CONFIRM | MSG_MORE;
constexpr int kReceiveFlags = MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE;

// struct msghdr and struct mmsghdr as the guest has them: the C library's on x86-64.
struct GuestMessage {
  std::uint64_t name;
  std::uint32_t name_length, pad0;
  std::uint64_t vectors, vector_count, control, control_length;
  std::uint32_t flags, pad1;
};
static_assert(sizeof(GuestMessage) == sizeof(msghdr));
constexpr std::uint64_t kManyStride = sizeof(mmsghdr);
constexpr unsigned kMostMessages = 1024; // UIO_MAXIOV

struct Outgoing {
  UserVectors vectors;
  Gva name;
  std::uint32_t name_length = 0;
  Gva control;
  std::uint64_t control_length = 0;
  int flags = 0;
};

struct Incoming {
  UserVectors vectors;
  int flags = 0;
  bool wants_name = false;
  Gva control;
  std::uint64_t control_length = 0;
};

struct Arrived {
  Address name;
  std::uint64_t control_bytes = 0;
  int flags = 0;
};

SysResult broken_pipe(Call &call, const SocketFile &socket, int flags) {
  if (socket.type() == SOCK_STREAM && (flags & MSG_NOSIGNAL) == 0) files::raise_sigpipe(call);
  return fail(EPIPE);
}

// One message, or all of a stream's bytes; `state.done` counts those already gone.
SysResult send_message(Call &call, const Outgoing &what) {
  auto &state = call.keep<SocketState>();
  SocketFile &socket = *state.socket;
  if (call.woken == Wake::Signal && state.done > 0) return std::int64_t(state.done);
  Address name;
  if (what.name.value() != 0 && what.name_length != 0) {
    auto loaded = load_address(call, what.name, what.name_length, Purpose::Reach);
    if (!loaded) return fail(loaded.error());
    name = std::move(*loaded);
  }
  auto control = state.done == 0 ? load_control(call, what.control, what.control_length) : OutgoingControl{};
  if (!control) return fail(control.error());
  if (!socket.is_stream() && what.vectors.total() > fault::kMaxPin) return fail(EMSGSIZE);
  for (;;) {
    Chunk chunk = pin_chunk(*call.process.space, what.vectors, state.done, Access::Read);
    // A message is whole or not at all; a stream gives what could be read.
    bool unreadable = chunk.faulted && (!socket.is_stream() || chunk.bytes == 0);
    if (unreadable) return state.done > 0 ? SysResult(std::int64_t(state.done)) : fail(EFAULT);
    msghdr message{};
    message.msg_name = name.length != 0 ? &name.storage : nullptr;
    message.msg_namelen = name.length;
    message.msg_iov = chunk.pieces.data();
    message.msg_iovlen = chunk.pieces.size();
    message.msg_control = control->bytes.empty() ? nullptr : control->bytes.data();
    message.msg_controllen = control->bytes.size();
    ssize_t n = ::sendmsg(socket.host_fd(), &message, (what.flags & kSendFlags) | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return wait_or_again(call, POLLOUT, (what.flags & MSG_DONTWAIT) != 0);
    if (n < 0 && state.done > 0) return std::int64_t(state.done);
    if (n < 0) return errno == EPIPE ? broken_pipe(call, socket, what.flags) : fail(errno);
    state.done += std::uint64_t(n);
    if (!socket.is_stream() || state.done >= what.vectors.total() || n == 0) return std::int64_t(state.done);
    control->bytes.clear(); // went with the first bytes
  }
}

SysResult receive_message(Call &call, const Incoming &what, Arrived &arrived) {
  auto &state = call.keep<SocketState>();
  SocketFile &socket = *state.socket;
  bool collects = socket.is_stream() && (what.flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL;
  bool no_wait = (what.flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) != 0;
  for (;;) {
    Chunk chunk = pin_chunk(*call.process.space, what.vectors, state.done, Access::Write);
    if (chunk.faulted && chunk.bytes == 0) return state.done > 0 ? SysResult(std::int64_t(state.done)) : fail(EFAULT);
    alignas(cmsghdr) std::array<std::byte, 4096> control;
    msghdr message{};
    message.msg_name = &arrived.name.storage;
    message.msg_namelen = sizeof arrived.name.storage;
    message.msg_iov = chunk.pieces.data();
    message.msg_iovlen = chunk.pieces.size();
    message.msg_control = what.control_length != 0 ? control.data() : nullptr;
    message.msg_controllen = what.control_length != 0 ? control.size() : 0;
    ssize_t n = ::recvmsg(socket.host_fd(), &message, (what.flags & kReceiveFlags) | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return wait_or_again(call, POLLIN, no_wait);
    if (n < 0) return state.done > 0 ? SysResult(std::int64_t(state.done)) : fail(errno);
    const IncomingRequest request{what.control, what.control_length, (what.flags & MSG_CMSG_CLOEXEC) != 0,
                                  (what.flags & MSG_PEEK) != 0};
    auto stored = store_control(call, message, request);
    if (!stored) return fail(stored.error());
    arrived.name.length = message.msg_namelen;
    arrived.control_bytes = *stored;
    arrived.flags = (message.msg_flags & ~MSG_CMSG_CLOEXEC) | (what.flags & MSG_CMSG_CLOEXEC);
    state.done += std::uint64_t(n);
    if (!collects || n == 0 || state.done >= what.vectors.total()) return std::int64_t(state.done);
  }
}

std::expected<GuestMessage, int> load_message(const Call &call, Gva from) {
  GuestMessage message{};
  if (!get_user(call, from, message)) return std::unexpected(EFAULT);
  if (message.vector_count > files::kMostPieces) return std::unexpected(EMSGSIZE);
  return message;
}

SysResult send_one(Call &call, Gva from, int flags) {
  auto message = load_message(call, from);
  if (!message) return fail(message.error());
  auto vectors = UserVectors::import(call, Gva(message->vectors), message->vector_count);
  if (!vectors) return fail(vectors.error());
  return send_message(call, {std::move(*vectors), Gva(message->name), message->name_length, Gva(message->control),
                             message->control_length, flags});
}

// Stores the name, the lengths and the flags of what arrived into the guest's header.
int store_message(Call &call, Gva to, GuestMessage message, const Arrived &arrived) {
  if (message.name != 0) {
    std::string bytes = guest_bytes(call, arrived.name);
    auto part = std::as_bytes(std::span(bytes)).first(std::min<std::size_t>(bytes.size(), message.name_length));
    if (fault::copy_out(*call.process.space, Gva(message.name), part) != part.size()) return EFAULT;
    message.name_length = std::uint32_t(bytes.size());
  }
  message.control_length = arrived.control_bytes;
  message.flags = std::uint32_t(arrived.flags);
  return put_user(call, to, message) ? 0 : EFAULT;
}

SysResult receive_one(Call &call, Gva at, int flags) {
  auto message = load_message(call, at);
  if (!message) return fail(message.error());
  auto vectors = UserVectors::import(call, Gva(message->vectors), message->vector_count);
  if (!vectors) return fail(vectors.error());
  Arrived arrived;
  std::uint64_t room = message->control != 0 ? message->control_length : 0;
  SysResult result =
      receive_message(call, {std::move(*vectors), flags, message->name != 0, Gva(message->control), room}, arrived);
  if (result.kind() != SysResult::Kind::Done || result.value() < 0) return result;
  if (int error = store_message(call, at, *message, arrived); error != 0) return fail(error);
  return result;
}

// sendmmsg and recvmmsg: one after the other, the count of those done on the first that fails.
using One = SysResult (*)(Call &, Gva, int);

SysResult many(Call &call, One one, int flags, bool wait_for_one) {
  auto &state = call.keep<SocketState>();
  unsigned count = std::min(call.arg_uint(2), kMostMessages);
  while (state.index < count) {
    Gva at = call.arg_gva(1) + state.index * kManyStride;
    bool quick = (flags & MSG_DONTWAIT) != 0 || (wait_for_one && state.index > 0);
    SysResult result = one(call, at, flags | (quick ? MSG_DONTWAIT : 0));
    if (result.kind() == SysResult::Kind::Park) return result;
    if (result.value() < 0) return state.index > 0 ? SysResult(state.index) : std::move(result);
    if (!put_user(call, at + sizeof(GuestMessage), std::uint32_t(result.value()))) return fail(EFAULT);
    state.done = 0;
    ++state.index;
  }
  return state.index;
}

SysResult prepare(Call &call) {
  auto socket = begin(call);
  return socket ? SysResult(0) : fail(socket.error());
}

} // namespace

SysResult do_sendto(Call &call) {
  if (SysResult ready = prepare(call); ready.value() != 0) return ready;
  auto vectors = UserVectors::single(call.arg_gva(1), call.arg(2));
  if (!vectors) return fail(vectors.error());
  return send_message(call, {std::move(*vectors), call.arg_gva(4), call.arg_uint(5), {}, 0, call.arg_int(3)});
}

SysResult do_recvfrom(Call &call) {
  if (SysResult ready = prepare(call); ready.value() != 0) return ready;
  auto vectors = UserVectors::single(call.arg_gva(1), call.arg(2));
  if (!vectors) return fail(vectors.error());
  Arrived arrived;
  SysResult result = receive_message(call, {std::move(*vectors), call.arg_int(3), call.arg(4) != 0, {}, 0}, arrived);
  if (result.kind() != SysResult::Kind::Done || result.value() < 0 || call.arg(4) == 0) return result;
  int error = store_address(call, arrived.name, call.arg_gva(4), call.arg_gva(5));
  return error == 0 ? std::move(result) : fail(error);
}

SysResult do_sendmsg(Call &call) {
  if (SysResult ready = prepare(call); ready.value() != 0) return ready;
  return send_one(call, call.arg_gva(1), call.arg_int(2));
}

SysResult do_recvmsg(Call &call) {
  if (SysResult ready = prepare(call); ready.value() != 0) return ready;
  return receive_one(call, call.arg_gva(1), call.arg_int(2));
}

SysResult do_sendmmsg(Call &call) {
  if (SysResult ready = prepare(call); ready.value() != 0) return ready;
  return many(call, send_one, call.arg_int(3), false);
}

SysResult do_recvmmsg(Call &call) {
  bool first = !call.state;
  if (SysResult ready = prepare(call); ready.value() != 0) return ready;
  auto &state = call.keep<SocketState>();
  if (first && call.arg(4) != 0) {
    timespec timeout{};
    if (!get_user(call, call.arg_gva(4), timeout)) return fail(EFAULT);
    auto deadline = files::deadline_of(timeout);
    if (!deadline) return fail(deadline.error());
    state.deadline = *deadline;
    state.timed = true;
  }
  return many(call, receive_one, call.arg_int(3), (call.arg_int(3) & MSG_WAITFORONE) != 0);
}

} // namespace pagoda::kernel::sockets
