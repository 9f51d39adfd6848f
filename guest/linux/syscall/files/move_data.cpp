// sendfile, copy_file_range, splice, tee, vmsplice: bytes from one descriptor to another.
//
// All by reading and writing through a buffer here: files of any kind can be mixed, and nothing is
// read that the target did not take, so no byte is lost when it is full.
#include <poll.h>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"
#include "guest/linux/syscall/files/vectors.hpp"
#include "guest/linux/syscall/long_call.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr std::size_t kBuffer = 65536;

// Bytes that were taken from a pipe and not yet given on survive a park here.
struct Copy : CallState {
  std::shared_ptr<File> in, out;
  std::vector<std::byte> buffer;
  std::size_t begin = 0, end = 0; // of what `buffer` holds
  std::uint64_t done = 0;         // given to `out`
};

struct Offsets {
  std::optional<std::uint64_t> in, out;
};

SysResult settle(Copy &state, std::int64_t result) {
  return state.done > 0 ? SysResult(std::int64_t(state.done)) : SysResult(result);
}

SysResult wait_for(Call &call, Copy &state, File &file, short events, bool no_wait) {
  bool must_finish = state.begin < state.end; // bytes in hand: giving up now would lose them
  if (!must_finish && (file.nonblocking() || no_wait || file.poll_fd() < 0 || call.woken == Wake::Signal)) {
    return settle(state, call.woken == Wake::Signal ? -EINTR : -EAGAIN);
  }
  if (!must_finish && state.done > 0) return std::int64_t(state.done);
  return park_on(file.poll_fd(), events, must_finish ? WaitFor::OnSignal::Killable : WaitFor::OnSignal::Restart);
}

bool can_reread(const File &file) { return file.kind() == FileKind::Regular || file.kind() == FileKind::Synthetic; }

// What a pipe gives cannot be put back: the target is asked first.
bool takes_more(const File &out) {
  pollfd writable{out.poll_fd(), POLLOUT, 0};
  return writable.fd < 0 || ::poll(&writable, 1, 0) != 0;
}

std::int64_t fill(Copy &state, const Offsets &offsets, std::uint64_t wanted) {
  state.buffer.resize(kBuffer);
  const iovec piece{state.buffer.data(), std::size_t(std::min<std::uint64_t>(wanted, kBuffer))};
  std::optional<std::uint64_t> at;
  if (offsets.in) at = *offsets.in + state.done;
  std::int64_t n = state.in->read({&piece, 1}, at);
  state.begin = 0;
  state.end = n > 0 ? std::size_t(n) : 0;
  return n;
}

std::int64_t drain(Copy &state, const Offsets &offsets) {
  const iovec piece{state.buffer.data() + state.begin, state.end - state.begin};
  std::optional<std::uint64_t> at;
  if (offsets.out) at = *offsets.out + state.done;
  std::int64_t n = state.out->write({&piece, 1}, at);
  if (n > 0) {
    state.begin += std::size_t(n);
    state.done += std::uint64_t(n);
  }
  return n;
}

// What a regular file gave and the target refused is put back by moving the position.
void put_back(Copy &state, const Offsets &offsets) {
  if (state.begin == state.end || !can_reread(*state.in)) return;
  if (!offsets.in) state.in->seek(-std::int64_t(state.end - state.begin), SEEK_CUR);
  state.begin = state.end = 0;
}

SysResult copy(Call &call, Copy &state, const Offsets &offsets, std::uint64_t count, bool no_wait) {
  while (state.done < count) {
    if (state.begin == state.end) {
      if (!can_reread(*state.in) && !takes_more(*state.out)) return wait_for(call, state, *state.out, POLLOUT, no_wait);
      std::int64_t n = fill(state, offsets, count - state.done);
      if (n == -EAGAIN) return wait_for(call, state, *state.in, POLLIN, no_wait);
      if (n == 0) break;
      if (n < 0) return settle(state, n);
    }
    std::int64_t n = drain(state, offsets);
    if (n < 0) put_back(state, offsets);
    if (n == -EAGAIN) return wait_for(call, state, *state.out, POLLOUT, no_wait);
    if (n == -EPIPE) raise_sigpipe(call);
    if (n <= 0) return settle(state, n);
    if (is_dying(call)) break;
  }
  return std::int64_t(state.done);
}

// Offsets that the caller keeps in its memory, and stores them back advanced.
struct OffsetPointer {
  Gva at;
  [[nodiscard]] bool given() const { return at.value() != 0; }
};

std::expected<std::optional<std::uint64_t>, int> load(const Call &call, OffsetPointer pointer, File &file) {
  if (!pointer.given()) return std::nullopt;
  std::int64_t value = 0;
  if (!get_user(call, pointer.at, value)) return std::unexpected(EFAULT);
  if (value < 0) return std::unexpected(EINVAL);
  if (file.seek(0, SEEK_CUR) == -ESPIPE) return std::unexpected(ESPIPE);
  return std::uint64_t(value);
}

SysResult store(Call &call, SysResult result, const OffsetPointer &in, const OffsetPointer &out, const Offsets &from) {
  if (result.kind() != SysResult::Kind::Done || result.value() <= 0) return result;
  auto moved = std::uint64_t(result.value());
  if (from.in && !put_user(call, in.at, *from.in + moved)) return fail(EFAULT);
  if (from.out && !put_user(call, out.at, *from.out + moved)) return fail(EFAULT);
  return result;
}

SysResult move(Call &call, int in_fd, OffsetPointer in, int out_fd, OffsetPointer out, std::uint64_t count,
               bool no_wait) {
  auto &state = call.keep<Copy>();
  if (!state.in) {
    state.in = file_of(call, in_fd);
    state.out = file_of(call, out_fd);
  }
  if (!state.in || !state.out || !state.in->readable() || !state.out->writable()) return fail(EBADF);
  auto in_offset = load(call, in, *state.in);
  if (!in_offset) return fail(in_offset.error());
  auto out_offset = load(call, out, *state.out);
  if (!out_offset) return fail(out_offset.error());
  Offsets offsets{*in_offset, *out_offset};
  SysResult result = copy(call, state, offsets, std::min(count, kMostBytes), no_wait);
  return store(call, std::move(result), in, out, offsets);
}

bool is_pipe(const Call &call, int fd) {
  auto file = file_of(call, fd);
  return file && file->kind() == FileKind::Pipe;
}

} // namespace

SysResult do_sendfile(Call &call) {
  auto in = file_of(call, call.arg_int(1));
  auto out = file_of(call, call.arg_int(0));
  if (!in || !out) return fail(EBADF);
  // Linux takes from what has positions alone: elsewhere the end of the data, once seen, would be lost.
  const bool seekable =
      in->kind() == FileKind::Regular || in->kind() == FileKind::Device || in->kind() == FileKind::Synthetic;
  if (!seekable) return fail(EINVAL);
  if ((out->flags() & O_APPEND) != 0) return fail(EINVAL);
  return move(call, call.arg_int(1), {call.arg_gva(2)}, call.arg_int(0), {}, call.arg(3), false);
}

SysResult do_copy_file_range(Call &call) {
  auto in = file_of(call, call.arg_int(0));
  auto out = file_of(call, call.arg_int(2));
  if (!in || !out) return fail(EBADF);
  if (call.arg_uint(5) != 0) return fail(EINVAL);
  if (in->kind() == FileKind::Directory || out->kind() == FileKind::Directory) return fail(EISDIR);
  if (in->kind() != FileKind::Regular || out->kind() != FileKind::Regular) return fail(EINVAL);
  if ((out->flags() & O_APPEND) != 0) return fail(EBADF);
  return move(call, call.arg_int(0), {call.arg_gva(1)}, call.arg_int(2), {call.arg_gva(3)}, call.arg(4), false);
}

SysResult do_splice(Call &call) {
  if (!call.state && !is_pipe(call, call.arg_int(0)) && !is_pipe(call, call.arg_int(2))) {
    bool open = file_of(call, call.arg_int(0)) && file_of(call, call.arg_int(2));
    return fail(open ? EINVAL : EBADF);
  }
  if ((is_pipe(call, call.arg_int(0)) && call.arg(1) != 0) || (is_pipe(call, call.arg_int(2)) && call.arg(3) != 0)) {
    return fail(ESPIPE);
  }
  // A pipe gives what it has; waiting for all of `count` could wait for ever.
  std::uint64_t count = std::min<std::uint64_t>(call.arg(4), kBuffer);
  bool no_wait = (call.arg_uint(5) & SPLICE_F_NONBLOCK) != 0;
  return move(call, call.arg_int(0), {call.arg_gva(1)}, call.arg_int(2), {call.arg_gva(3)}, count, no_wait);
}

SysResult do_tee(Call &call) {
  auto in = file_of(call, call.arg_int(0));
  auto out = file_of(call, call.arg_int(1));
  if (!in || !out) return fail(EBADF);
  if (in->kind() != FileKind::Pipe || out->kind() != FileKind::Pipe) return fail(EINVAL);
  long n = ::tee(in->host_fd(), out->host_fd(), std::min<std::uint64_t>(call.arg(2), kMostBytes), SPLICE_F_NONBLOCK);
  if (n >= 0 || errno != EAGAIN) return host_result(n);
  if ((call.arg_uint(3) & SPLICE_F_NONBLOCK) != 0) return fail(EAGAIN);
  pollfd readable{in->host_fd(), POLLIN, 0};
  bool full = ::poll(&readable, 1, 0) > 0;
  auto &state = call.keep<Copy>();
  state.in = in;
  state.out = out;
  return full ? park_on(out->host_fd(), POLLOUT) : park_on(in->host_fd(), POLLIN);
}

SysResult do_vmsplice(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  if (file->kind() != FileKind::Pipe) return fail(EBADF);
  return file->writable() ? do_writev(call) : do_readv(call);
}

} // namespace pagoda::kernel::files
