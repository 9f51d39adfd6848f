#include "vmm/doctor/costs.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <sys/ioctl.h>
#include <thread>

#include "vmm/doctor/bare_guest.hpp"
#include "vmm/kvm_cpu.hpp"

namespace pagoda::vmm::doctor {
namespace {

using Clock = std::chrono::steady_clock;
using kernel::Registers;
using kernel::VmExit;

constexpr Gva kHole{0x40'0000'0000};     // nothing is mapped there
constexpr std::uint64_t kPerSample = 16; // calls answered in the guest, for one sample
constexpr std::uint64_t kMaximumKicks = 200;

std::uint64_t since(Clock::time_point begin) {
  return std::uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count());
}

class Meter {
public:
  Meter(ProcessVm &vm, BareGuest &guest, std::uint64_t samples)
      : vm_(vm), cpu_(vm.cpu(0)), guest_(guest), wanted_(samples) {}

  std::vector<ExitCost> run() {
    system_call();
    page_fault();
    answered_call();
    kick();
    vcpu_ioctl();
    full_flush();
    return std::move(costs_);
  }

private:
  void add(const char *name, const char *meaning, std::vector<std::uint64_t> samples) {
    if (samples.empty()) return;
    costs_.push_back({name, meaning, spread_of(samples)});
  }

  // One run() a sample: the way out of the program, through the VMM and back in.
  template <class Step> std::vector<std::uint64_t> sample(VmExit::Kind expected, Step &&step) {
    std::vector<std::uint64_t> samples;
    samples.reserve(wanted_);
    for (std::uint64_t i = 0; i <= wanted_; ++i) {
      Registers registers = step();
      const auto begin = Clock::now();
      const VmExit exit = cpu_.run(registers, guest_.target());
      const std::uint64_t spent = since(begin);
      if (exit.kind != expected) return {};
      last_ = registers;
      if (i > 0) samples.push_back(spent); // the first one fills caches
    }
    return samples;
  }

  void system_call() {
    last_ = BareGuest::at(offsets_.calls);
    add("system call", "program, stub, VMM and back", sample(VmExit::Kind::SystemCall, [&] { return last_; }));
  }

  void page_fault() {
    add("page fault", "program, fault, VMM and back", sample(VmExit::Kind::PageFault, [&] {
          Registers registers = BareGuest::at(offsets_.read);
          registers.rdi = kHole.value();
          return registers;
        }));
  }

  // A run of many calls less a run of one: the exit that ends both cancels out.
  void answered_call() {
    const auto run_of = [&](std::uint64_t calls) {
      return sample(VmExit::Kind::SystemCall, [&] {
        Registers registers = BareGuest::at(offsets_.getpid);
        registers.rbx = calls;
        return registers;
      });
    };
    std::vector<std::uint64_t> many = run_of(1 + kPerSample), one = run_of(1);
    if (many.empty() || one.empty()) return;
    const std::uint64_t base = spread_of(one).median_ns;
    for (auto &value : many) value = value > base ? (value - base) / kPerSample : 0;
    add("getpid", "answered by the stub, no exit", std::move(many));
  }

  // From the call of kick() on another thread to the return of run() on this one.
  void kick() {
    std::vector<std::uint64_t> samples;
    std::atomic<bool> spinning{false}, end{false};
    std::atomic<Clock::rep> kicked_at{0};
    std::thread kicker([&] {
      while (!end) {
        if (!spinning.exchange(false)) {
          std::this_thread::yield();
          continue;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(200)); // the guest spins by then
        kicked_at = Clock::now().time_since_epoch().count();
        cpu_.kick();
      }
    });
    for (std::uint64_t i = 0; i < std::min(wanted_, kMaximumKicks); ++i) {
      Registers registers = BareGuest::at(offsets_.spin);
      spinning = true;
      if (cpu_.run(registers, guest_.target()).kind != VmExit::Kind::Kicked) break;
      samples.push_back(since(Clock::time_point(Clock::duration(kicked_at))));
    }
    end = true;
    kicker.join();
    add("kick", "a spinning program is stopped by another thread", std::move(samples));
  }

  void vcpu_ioctl() {
    std::vector<std::uint64_t> samples;
    for (std::uint64_t i = 0; i < wanted_; ++i) {
      kvm_regs registers{};
      const auto begin = Clock::now();
      if (::ioctl(cpu_.vcpu().fd(), KVM_GET_REGS, &registers) != 0) break;
      samples.push_back(since(begin));
    }
    add("vCPU ioctl", "KVM_GET_REGS", std::move(samples));
  }

  void full_flush() {
    constexpr std::uint64_t kMaximum = 200;
    std::vector<std::uint64_t> samples;
    for (std::uint64_t i = 0; i < std::min(wanted_, kMaximum); ++i) {
      const auto begin = Clock::now();
      if (!vm_.carrier().flush_all()) break;
      samples.push_back(since(begin));
    }
    add("full flush", "everything derived from guest page tables is dropped", std::move(samples));
  }

  ProcessVm &vm_;
  KvmCpu &cpu_;
  BareGuest &guest_;
  std::uint64_t wanted_;
  ProbeOffsets offsets_ = probe_offsets();
  Registers last_;
  std::vector<ExitCost> costs_;
};

} // namespace

Spread spread_of(std::vector<std::uint64_t> &samples) {
  if (samples.empty()) return {};
  std::ranges::sort(samples);
  const std::size_t count = samples.size();
  return {samples[count / 2], samples[count / 10], samples[count * 9 / 10], count};
}

std::vector<ExitCost> measure_costs(ProcessVm &vm, std::uint64_t samples) {
  auto guest = BareGuest::create(vm, probe_code());
  if (!guest || samples == 0) return {};
  return Meter(vm, **guest, samples).run();
}

} // namespace pagoda::vmm::doctor
