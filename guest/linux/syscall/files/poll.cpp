// poll, ppoll, select and pselect6.
//
// One host poll without a timeout says what is ready; if nothing is, the task parks on all the
// descriptors at once. Files without a host descriptor are always ready, as regular files are.
#include <algorithm>
#include <poll.h>
#include <sys/select.h>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"
#include "guest/linux/syscall/files/wait_mask.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr short kAlwaysReady = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

struct PollState : WaitState {
  std::optional<timespec> given; // a timeout whose remainder is to be written back
};

// The host's view of a guest's descriptors; `host[i]` belongs to `polls[i]`.
struct Ready {
  std::vector<pollfd> host;
  int count = 0;
};

// Fills revents of `polls`; keeps the files alive in the state.
Ready look(Call &call, PollState &state, std::vector<pollfd> &polls) {
  Ready ready;
  ready.host.resize(polls.size());
  state.files.clear();
  for (std::size_t i = 0; i < polls.size(); ++i) {
    pollfd &poll = polls[i];
    poll.revents = 0;
    ready.host[i] = {-1, poll.events, 0};
    if (poll.fd < 0) continue;
    auto file = file_of(call, poll.fd);
    if (!file)
      poll.revents = POLLNVAL;
    else if (int fd = file->poll_fd(); fd < 0)
      poll.revents = short(poll.events & kAlwaysReady);
    else
      ready.host[i].fd = fd;
    state.files.push_back(std::move(file));
  }
  ::poll(ready.host.data(), ready.host.size(), 0);
  for (std::size_t i = 0; i < polls.size(); ++i) {
    if (ready.host[i].fd >= 0) polls[i].revents = ready.host[i].revents;
    ready.count += polls[i].revents != 0 ? 1 : 0;
  }
  return ready;
}

SysResult park_on_all(const PollState &state, const Ready &ready) {
  WaitFor wait;
  for (const pollfd &poll : ready.host) {
    // Ready in a way that was not asked for (select's exceptions): waiting for it would not be waiting.
    if (poll.fd < 0 || poll.revents != 0) continue;
    // The same descriptor may be asked about twice; it is watched once, for both.
    auto same = std::ranges::find(wait.fds, poll.fd, &WaitFor::HostFd::fd);
    if (same != wait.fds.end())
      same->events = short(same->events | poll.events);
    else
      wait.fds.push_back({poll.fd, poll.events});
  }
  wait.deadline = state.deadline;
  wait.on_signal = WaitFor::OnSignal::Interrupt;
  return SysResult::park(std::move(wait));
}

// Nothing ready: time out, be interrupted, or sleep.
SysResult nothing_ready(Call &call, const PollState &state, const Ready &ready) {
  if (expired(state)) return 0;
  if (call.woken == Wake::Signal) return fail(EINTR);
  return park_on_all(state, ready);
}

SysResult poll_descriptors(Call &call) {
  auto &state = call.keep<PollState>();
  std::uint64_t count = call.arg_uint(1);
  if (count > call.process.limits[RLIMIT_NOFILE].rlim_cur || count > unsigned(kMostDescriptors)) return fail(EINVAL);
  std::vector<pollfd> polls(count);
  auto bytes = std::as_writable_bytes(std::span(polls));
  if (fault::copy_in(*call.process.space, call.arg_gva(0), bytes) != bytes.size()) return fail(EFAULT);
  Ready ready = look(call, state, polls);
  if (ready.count == 0) {
    SysResult result = nothing_ready(call, state, ready);
    if (result.kind() != SysResult::Kind::Done || result.value() != 0) return result;
  }
  auto out = std::as_bytes(std::span(polls));
  return fault::copy_out(*call.process.space, call.arg_gva(0), out) == out.size() ? SysResult(ready.count)
                                                                                  : fail(EFAULT);
}

// Linux writes the time that is left back to the caller of ppoll, select and pselect6.
timespec remaining(const PollState &state) {
  auto left = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(*state.deadline - Clock::now()));
  return {left.count() / 1000000000, left.count() % 1000000000};
}

constexpr std::size_t kWordBits = 64;
using Bits = std::vector<std::uint64_t>;

struct Sets {
  Bits read, write, except;
  bool has_read = false, has_write = false, has_except = false;
};

bool bit(const Bits &bits, std::size_t i) { return ((bits[i / kWordBits] >> (i % kWordBits)) & 1) != 0; }
void set_bit(Bits &bits, std::size_t i) { bits[i / kWordBits] |= 1ull << (i % kWordBits); }

bool load_set(const Call &call, unsigned index, std::size_t words, Bits &bits, bool &has) {
  bits.assign(words, 0);
  has = call.arg(index) != 0;
  if (!has) return true;
  auto bytes = std::as_writable_bytes(std::span(bits));
  return fault::copy_in(*call.process.space, call.arg_gva(index), bytes) == bytes.size();
}

bool store_set(const Call &call, unsigned index, const Bits &bits, bool has) {
  if (!has) return true;
  auto bytes = std::as_bytes(std::span(bits));
  return fault::copy_out(*call.process.space, call.arg_gva(index), bytes) == bytes.size();
}

// What select counts as readable, writable and exceptional (fs/select.c).
constexpr short kReadable = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR;
constexpr short kWritable = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR;

std::vector<pollfd> to_polls(const Sets &sets, std::size_t count) {
  std::vector<pollfd> polls;
  for (std::size_t fd = 0; fd < count; ++fd) {
    int events =
        (bit(sets.read, fd) ? POLLIN : 0) | (bit(sets.write, fd) ? POLLOUT : 0) | (bit(sets.except, fd) ? POLLPRI : 0);
    if (events != 0) polls.push_back({int(fd), short(events), 0});
  }
  return polls;
}

struct Found {
  Bits read, write, except;
  int count = 0;
};

Found find_ready(const Sets &asked, const std::vector<pollfd> &polls, std::size_t words) {
  Found found{Bits(words), Bits(words), Bits(words)};
  for (const pollfd &poll : polls) {
    auto fd = std::size_t(poll.fd);
    auto note = [&](const Bits &wanted, Bits &out, int events) {
      if (!bit(wanted, fd) || (poll.revents & events) == 0) return;
      set_bit(out, fd);
      ++found.count;
    };
    note(asked.read, found.read, kReadable);
    note(asked.write, found.write, kWritable);
    note(asked.except, found.except, POLLPRI);
  }
  return found;
}

SysResult select_descriptors(Call &call) {
  auto &state = call.keep<PollState>();
  if (call.arg_int(0) < 0) return fail(EINVAL);
  // Bits beyond the table name nothing that could be open.
  std::size_t most = std::min<std::size_t>(call.process.limits[RLIMIT_NOFILE].rlim_cur, kMostDescriptors);
  std::size_t count = std::min<std::size_t>(std::size_t(call.arg_int(0)), most);
  std::size_t words = (count + kWordBits - 1) / kWordBits;
  Sets sets;
  if (!load_set(call, 1, words, sets.read, sets.has_read) || !load_set(call, 2, words, sets.write, sets.has_write) ||
      !load_set(call, 3, words, sets.except, sets.has_except)) {
    return fail(EFAULT);
  }
  std::vector<pollfd> polls = to_polls(sets, count);
  Ready ready = look(call, state, polls);
  if (std::ranges::any_of(polls, [](const pollfd &p) { return (p.revents & POLLNVAL) != 0; })) return fail(EBADF);
  Found found = find_ready(sets, polls, words);
  if (found.count == 0) {
    // Interrupted or asleep: the sets stay as they were given.
    SysResult result = nothing_ready(call, state, ready);
    if (result.kind() == SysResult::Kind::Park || result.value() != 0) return result;
  }
  bool stored = store_set(call, 1, found.read, sets.has_read) && store_set(call, 2, found.write, sets.has_write) &&
                store_set(call, 3, found.except, sets.has_except);
  return stored ? SysResult(found.count) : fail(EFAULT);
}

std::expected<timespec, int> read_timeval(const Call &call, Gva from) {
  timeval value{};
  if (!get_user(call, from, value)) return std::unexpected(EFAULT);
  if (value.tv_sec < 0 || value.tv_usec < 0) return std::unexpected(EINVAL);
  return timespec{value.tv_sec + value.tv_usec / 1000000, (value.tv_usec % 1000000) * 1000};
}

int begin(Call &call, std::optional<timespec> timeout) {
  auto &state = call.keep<PollState>();
  if (timeout) {
    auto deadline = deadline_of(*timeout);
    if (!deadline) return deadline.error();
    state.deadline = *deadline;
    state.given = timeout;
  }
  return 0;
}

} // namespace

SysResult do_poll(Call &call) {
  if (!call.state) call.keep<PollState>().deadline = deadline_in_ms(call.arg_int(2));
  return poll_descriptors(call);
}

SysResult do_ppoll(Call &call) {
  if (!call.state) {
    std::optional<timespec> timeout;
    if (call.arg(2) != 0) {
      timeout.emplace();
      if (!get_user(call, call.arg_gva(2), *timeout)) return fail(EFAULT);
    }
    if (int error = begin(call, timeout); error != 0) return fail(error);
    if (int error = set_wait_mask(call, call.arg_gva(3), call.arg(4)); error != 0) return fail(error);
  }
  SysResult result = poll_descriptors(call);
  auto &state = call.keep<PollState>();
  if (result.kind() == SysResult::Kind::Done && state.deadline && call.arg(2) != 0) {
    (void)put_user(call, call.arg_gva(2), remaining(state)); // as Linux: a read-only timeout is no error
  }
  return result;
}

SysResult do_select(Call &call) {
  if (!call.state) {
    std::optional<timespec> timeout;
    if (call.arg(4) != 0) {
      auto value = read_timeval(call, call.arg_gva(4));
      if (!value) return fail(value.error());
      timeout = *value;
    }
    if (int error = begin(call, timeout); error != 0) return fail(error);
  }
  SysResult result = select_descriptors(call);
  auto &state = call.keep<PollState>();
  if (result.kind() == SysResult::Kind::Done && state.deadline && call.arg(4) != 0) {
    timespec left = remaining(state);
    (void)put_user(call, call.arg_gva(4), timeval{left.tv_sec, left.tv_nsec / 1000});
  }
  return result;
}

SysResult do_pselect6(Call &call) {
  if (!call.state) {
    std::optional<timespec> timeout;
    if (call.arg(4) != 0) {
      timeout.emplace();
      if (!get_user(call, call.arg_gva(4), *timeout)) return fail(EFAULT);
    }
    if (int error = begin(call, timeout); error != 0) return fail(error);
    struct {
      std::uint64_t mask, size;
    } packed{};
    if (call.arg(5) != 0 && !get_user(call, call.arg_gva(5), packed)) return fail(EFAULT);
    if (int error = set_wait_mask(call, Gva(packed.mask), packed.size); error != 0) return fail(error);
  }
  SysResult result = select_descriptors(call);
  auto &state = call.keep<PollState>();
  if (result.kind() == SysResult::Kind::Done && state.deadline && call.arg(4) != 0) {
    (void)put_user(call, call.arg_gva(4), remaining(state));
  }
  return result;
}

} // namespace pagoda::kernel::files
