#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sched.h>

#include "guest/linux/signal/pending.hpp"
#include "guest/linux/syscall/process/clone.hpp"
#include "guest/linux/syscall/process/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::process {
namespace {

constexpr std::uint64_t kExitSignalMask = 0xff; // CSIGNAL

// struct clone_args of linux/sched.h, version 2.
struct CloneArguments {
  std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
  std::uint64_t set_tid, set_tid_size, cgroup;
};
constexpr std::size_t kFirstVersion = 64;

} // namespace

SysResult do_clone(Call &call) {
  CloneRequest request;
  const std::uint64_t flags = std::uint32_t(call.arg(0));
  request.flags = flags & ~kExitSignalMask;
  request.exit_signal = int(flags & kExitSignalMask);
  request.stack = call.arg(1);
  request.parent_tid = call.arg_gva(2);
  request.child_tid = call.arg_gva(3);
  request.tls = call.arg(4);
  return clone(call, request);
}

SysResult do_clone3(Call &call) {
  const std::uint64_t size = call.arg(1);
  if (size < kFirstVersion) return -EINVAL;
  if (size > kPageSize) return -E2BIG;
  // A program newer than this kernel may use a longer structure whose new part is zero.
  std::vector<std::byte> raw(std::max<std::size_t>(size, sizeof(CloneArguments)));
  if (fault::copy_in(*call.process.space, call.arg_gva(0), std::span(raw).first(size)) != size) return -EFAULT;
  const auto beyond = std::span(raw).subspan(sizeof(CloneArguments));
  if (std::ranges::any_of(beyond, [](std::byte b) { return b != std::byte{}; })) return -E2BIG;
  CloneArguments arguments;
  std::memcpy(&arguments, raw.data(), sizeof arguments);
  if ((arguments.flags & kExitSignalMask) != 0 || arguments.exit_signal > std::uint64_t(kSignals)) return -EINVAL;
  if ((arguments.stack == 0) != (arguments.stack_size == 0)) return -EINVAL;
  if (arguments.set_tid_size != 0 || arguments.set_tid != 0) return -EINVAL;
  CloneRequest request;
  request.flags = arguments.flags;
  request.exit_signal = int(arguments.exit_signal);
  request.stack = arguments.stack + arguments.stack_size; // a hostile sum is a bad stack, no more
  request.parent_tid = Gva(arguments.parent_tid);
  request.child_tid = Gva(arguments.child_tid);
  request.tls = arguments.tls;
  return clone(call, request);
}

SysResult do_fork(Call &call) { return clone(call, CloneRequest{.exit_signal = SIGCHLD}); }

SysResult do_vfork(Call &call) {
  return clone(call, CloneRequest{.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD});
}

} // namespace pagoda::kernel::process
