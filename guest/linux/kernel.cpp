#include "guest/linux/kernel.hpp"

#include <algorithm>
#include <cstring>
#include <sys/random.h>

#include <boost/asio/io_context.hpp>

#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/sched/futex.hpp"
#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/syscall/memory/shared_memory.hpp"
#include "guest/linux/syscall/system/load_average.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::uint32_t kPidLimit = 4'194'304; // Linux's PID_MAX_LIMIT on 64-bit
constexpr std::uint32_t kFirstReusedPid = 300; // Linux's RESERVED_PIDS
constexpr int kOwnErrorExitCode = 125;

// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
std::uint64_t split_mix(std::uint64_t &state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

void host_random(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got > 0) out = out.subspan(std::size_t(got));
  }
}

} // namespace

Kernel::Kernel(Platform platform, std::unique_ptr<MountTable> mounts, KernelOptions options)
    : platform_(std::move(platform)), mounts_(std::move(mounts)), options_(std::move(options)),
      io_(std::make_unique<boost::asio::io_context>()), scheduler_(std::make_unique<Scheduler>(*this)),
      futexes_(std::make_unique<Futexes>(*this)), random_state_(options_.seed) {}

// What uses the event loop's timers and the mount table's files goes before them.
Kernel::~Kernel() {
  processes.clear();
  load_average.reset();
  shared_memory.reset();
}

RunResult Kernel::run() {
  scheduler_->run();
  platform_.invalidator.drain(); // what waited for a flush is free memory by now
  LockGuard guard(mutex);
  return result;
}

void Kernel::signal_foreground(int signal) {
  LockGuard guard(mutex);
  send_to_group(*this, foreground_group, signal_info(signal, SI_KERNEL));
}

void Kernel::kill_all(std::string why) {
  LockGuard guard(mutex);
  if (ending) return;
  result.signal = SIGKILL;
  result.exit_code = why.empty() ? 128 + SIGKILL : kOwnErrorExitCode;
  result.failure = std::move(why);
  kill_everything(*this);
}

void Kernel::fail(std::string why) {
  if (result.failure.empty()) result.failure = std::move(why);
  result.exit_code = kOwnErrorExitCode;
  ending = true;
  scheduler_->stop();
}

std::uint64_t Kernel::now_ns() const {
  const auto since = std::chrono::steady_clock::now() - begin_;
  return std::uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

void Kernel::random_bytes(std::span<std::byte> out) {
  if (options_.seed == 0) return host_random(out);
  LockGuard guard(random_mutex_);
  while (!out.empty()) {
    const std::uint64_t word = split_mix(random_state_);
    const std::size_t bytes = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, bytes);
    out = out.subspan(bytes);
  }
}

Process *Kernel::find_process(std::uint32_t pid) {
  const auto it = processes.find(pid);
  return it == processes.end() ? nullptr : it->second.get();
}

Task *Kernel::find_task(std::uint32_t tid) {
  if (Process *process = find_process(tid)) return &process->leader();
  for (auto &[pid, process] : processes) {
    for (auto &task : process->tasks) {
      if (task->tid() == tid && task->state != TaskState::Dead) return task.get();
    }
  }
  return nullptr;
}

std::uint32_t Kernel::allocate_pid() {
  // A number stays taken as long as a thread, a group or a session bears it.
  const auto taken = [this](std::uint32_t number) PAGODA_NO_THREAD_SAFETY_ANALYSIS {
    if (find_task(number) != nullptr) return true;
    return std::ranges::any_of(
        processes, [&](const auto &entry) { return entry.second->group == number || entry.second->session == number; });
  };
  for (;;) { // tasks are far fewer than numbers: see kMaxTasks
    const std::uint32_t number = next_pid_++;
    if (next_pid_ >= kPidLimit) next_pid_ = kFirstReusedPid;
    if (!taken(number)) return number;
  }
}

} // namespace pagoda::kernel
