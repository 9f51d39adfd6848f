// epoll_create, epoll_ctl, epoll_wait and its kin.
#include <poll.h>

#include "guest/linux/fs/epoll_file.hpp"
#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"
#include "guest/linux/syscall/files/wait_mask.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr int kLargestBatch = 4096; // events of one call; more are given by the next

SysResult make_epoll(Call &call, bool close_on_exec) {
  int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return fail(errno);
  return install(call, std::make_shared<EpollFile>(UniqueFd(fd)), close_on_exec);
}

SysResult wait_events(Call &call, std::expected<std::optional<Deadline>, int> deadline) {
  int most = call.arg_int(2);
  if (most <= 0 || most > INT32_MAX / int(sizeof(epoll_event))) return fail(EINVAL);
  auto &state = call.keep<WaitState>();
  if (!state.begun) {
    auto file = file_of(call, call.arg_int(0));
    if (!file) return fail(EBADF);
    if (file->kind() != FileKind::Epoll) return fail(EINVAL);
    if (!deadline) return fail(deadline.error());
    state.files.push_back(std::move(file));
    state.deadline = *deadline;
    state.begun = true;
  }
  auto &epoll = static_cast<EpollFile &>(*state.files.front());
  std::vector<epoll_event> events(std::size_t(std::min(most, kLargestBatch)));
  int n = epoll.collect(events);
  if (n < 0 && n != -EINTR) return n;
  if (n > 0) {
    auto bytes = std::as_bytes(std::span(events).first(std::size_t(n)));
    return fault::copy_out(*call.process.space, call.arg_gva(1), bytes) == bytes.size() ? SysResult(n) : fail(EFAULT);
  }
  if (expired(state)) return 0;
  if (call.woken == Wake::Signal) return fail(EINTR);
  return park_on(epoll.host_fd(), POLLIN, WaitFor::OnSignal::Interrupt, state.deadline);
}

} // namespace

SysResult do_epoll_create(Call &call) { return call.arg_int(0) <= 0 ? fail(EINVAL) : make_epoll(call, false); }

SysResult do_epoll_create1(Call &call) {
  int flags = call.arg_int(0);
  if ((flags & ~EPOLL_CLOEXEC) != 0) return fail(EINVAL);
  return make_epoll(call, flags != 0);
}

SysResult do_epoll_ctl(Call &call) {
  int operation = call.arg_int(1), fd = call.arg_int(2);
  epoll_event event{};
  if (operation != EPOLL_CTL_DEL && !get_user(call, call.arg_gva(3), event)) return fail(EFAULT);
  auto epoll = file_of(call, call.arg_int(0));
  auto file = file_of(call, fd);
  if (!epoll || !file) return fail(EBADF);
  if (epoll->kind() != FileKind::Epoll || epoll == file) return fail(EINVAL);
  return static_cast<EpollFile &>(*epoll).control(operation, fd, file, &event);
}

SysResult do_epoll_wait(Call &call) { return wait_events(call, deadline_in_ms(call.arg_int(3))); }

SysResult do_epoll_pwait(Call &call) {
  if (!call.state) {
    if (int error = set_wait_mask(call, call.arg_gva(4), call.arg(5)); error != 0) return fail(error);
  }
  return wait_events(call, deadline_in_ms(call.arg_int(3)));
}

SysResult do_epoll_pwait2(Call &call) {
  std::expected<std::optional<Deadline>, int> deadline = std::nullopt;
  if (!call.state) {
    timespec timeout{};
    if (call.arg(3) != 0) {
      if (!get_user(call, call.arg_gva(3), timeout)) return fail(EFAULT);
      deadline = deadline_of(timeout);
      if (!deadline) return fail(deadline.error());
    }
    if (int error = set_wait_mask(call, call.arg_gva(4), call.arg(5)); error != 0) return fail(error);
  }
  return wait_events(call, deadline);
}

} // namespace pagoda::kernel::files
