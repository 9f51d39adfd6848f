// read, write and their vector and positioned forms.
//
// The host reads straight into pinned guest pages, and writes out of them. A call that would block
// parks; a write that has moved some bytes goes on where it stopped and, when a signal comes, returns
// what it has moved.
#include <poll.h>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"
#include "guest/linux/syscall/files/vectors.hpp"
#include "guest/linux/syscall/long_call.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr std::size_t kPipeChunk = 65536;

struct Transfer : FileState {
  std::uint64_t done = 0;
};

struct Request {
  std::shared_ptr<File> file;
  UserVectors vectors;
  std::optional<std::uint64_t> offset;
  bool no_wait = false; // RWF_NOWAIT
};

// Whether a second call to the host may follow a complete first one: not where it could block.
bool continues(const File &file) {
  FileKind kind = file.kind();
  return kind == FileKind::Regular || kind == FileKind::Device || kind == FileKind::Synthetic;
}

std::size_t chunk_limit(const File &file) {
  bool small = file.kind() == FileKind::Pipe || file.kind() == FileKind::Terminal;
  return small ? kPipeChunk : fault::kMaxPin;
}

SysResult wait_or_again(Call &call, const Request &request, Transfer &state, short events) {
  File &file = *request.file;
  if (file.nonblocking() || request.no_wait || file.poll_fd() < 0)
    return state.done > 0 ? SysResult(std::int64_t(state.done)) : fail(EAGAIN);
  if (call.woken == Wake::Signal) return state.done > 0 ? SysResult(std::int64_t(state.done)) : fail(EINTR);
  auto on_signal = state.done > 0 ? WaitFor::OnSignal::Interrupt : WaitFor::OnSignal::Restart;
  state.file = request.file;
  return park_on(file.poll_fd(), events, on_signal);
}

SysResult read_file(Call &call, const Request &request) {
  auto &state = call.keep<Transfer>();
  File &file = *request.file;
  if (request.vectors.total() == 0 && file.kind() != FileKind::Directory) return 0;
  for (;;) {
    Chunk chunk = pin_chunk(*call.process.space, request.vectors, state.done, Access::Write, chunk_limit(file));
    if (chunk.bytes == 0 && chunk.faulted) return state.done > 0 ? SysResult(std::int64_t(state.done)) : fail(EFAULT);
    std::optional<std::uint64_t> offset;
    if (request.offset) offset = *request.offset + state.done;
    std::int64_t n = file.read(chunk.pieces, offset);
    if (n == -EINTR) continue;
    if (n == -EAGAIN) return wait_or_again(call, request, state, POLLIN);
    if (n < 0) return state.done > 0 ? SysResult(std::int64_t(state.done)) : SysResult(n);
    state.done += std::uint64_t(n);
    bool more = std::size_t(n) == chunk.bytes && n > 0 && state.done < request.vectors.total();
    if (!more || !continues(file) || is_dying(call)) return std::int64_t(state.done);
  }
}

SysResult write_file(Call &call, const Request &request) {
  auto &state = call.keep<Transfer>();
  File &file = *request.file;
  if (call.woken == Wake::Signal && state.done > 0) return std::int64_t(state.done);
  for (;;) {
    Chunk chunk = pin_chunk(*call.process.space, request.vectors, state.done, Access::Read);
    if (chunk.bytes == 0 && chunk.faulted) return state.done > 0 ? SysResult(std::int64_t(state.done)) : fail(EFAULT);
    std::optional<std::uint64_t> offset;
    if (request.offset) offset = *request.offset + state.done;
    std::int64_t n = file.write(chunk.pieces, offset);
    if (n == -EINTR) continue;
    if (n == -EAGAIN) return wait_or_again(call, request, state, POLLOUT);
    if (n == -EPIPE) raise_sigpipe(call);
    if (n < 0) return state.done > 0 ? SysResult(std::int64_t(state.done)) : SysResult(n);
    state.done += std::uint64_t(n);
    if (state.done >= request.vectors.total() || n == 0 || is_dying(call)) return std::int64_t(state.done);
    // A short count that no fault explains: a full disk or pipe, which the next round will name.
  }
}

enum class Way : bool { Read, Write };

SysResult transfer(Call &call, Way way, std::expected<UserVectors, int> vectors, std::optional<std::uint64_t> offset,
                   unsigned flags = 0) {
  if (flags & ~unsigned(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)) return fail(EOPNOTSUPP);
  Request request;
  request.file = call.state ? call.keep<Transfer>().file : nullptr; // a parked call keeps its file
  if (!request.file) request.file = file_of(call, call.arg_int(0));
  if (!request.file) return fail(EBADF);
  if (way == Way::Read ? !request.file->readable() : !request.file->writable()) return fail(EBADF);
  if (offset && std::int64_t(*offset) < 0) return fail(EINVAL);
  if (!vectors) return fail(vectors.error());
  if (offset && request.file->seek(0, SEEK_CUR) == -ESPIPE) return fail(ESPIPE);
  request.vectors = std::move(*vectors);
  request.offset = offset;
  request.no_wait = (flags & RWF_NOWAIT) != 0;
  return way == Way::Read ? read_file(call, request) : write_file(call, request);
}

std::expected<UserVectors, int> buffer(const Call &call) { return UserVectors::single(call.arg_gva(1), call.arg(2)); }
std::expected<UserVectors, int> array(const Call &call) {
  return UserVectors::import(call, call.arg_gva(1), call.arg(2));
}

// preadv2: an offset of -1 means the file position.
std::optional<std::uint64_t> offset2(const Call &call) {
  return std::int64_t(call.arg(3)) == -1 ? std::nullopt : std::optional(call.arg(3));
}

} // namespace

SysResult do_read(Call &call) { return transfer(call, Way::Read, buffer(call), {}); }
SysResult do_write(Call &call) { return transfer(call, Way::Write, buffer(call), {}); }
SysResult do_readv(Call &call) { return transfer(call, Way::Read, array(call), {}); }
SysResult do_writev(Call &call) { return transfer(call, Way::Write, array(call), {}); }
SysResult do_pread64(Call &call) { return transfer(call, Way::Read, buffer(call), call.arg(3)); }
SysResult do_pwrite64(Call &call) { return transfer(call, Way::Write, buffer(call), call.arg(3)); }
SysResult do_preadv(Call &call) { return transfer(call, Way::Read, array(call), call.arg(3)); }
SysResult do_pwritev(Call &call) { return transfer(call, Way::Write, array(call), call.arg(3)); }
SysResult do_preadv2(Call &call) { return transfer(call, Way::Read, array(call), offset2(call), call.arg_uint(5)); }
SysResult do_pwritev2(Call &call) { return transfer(call, Way::Write, array(call), offset2(call), call.arg_uint(5)); }

} // namespace pagoda::kernel::files
