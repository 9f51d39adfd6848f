// Named places at which an allocation or an I/O can be made to fail, by number or by probability, for
// tests and fault-injection experiments. A site costs one relaxed load when nothing is armed.
//
//   if (failpoint::frame_allocation.fails()) return unexpected(Error::OutOfMemory);
//
// By text, as a command line gives it (`arm`):
//   frame_allocation:n=5             the fifth pass from now fails, once
//   frame_allocation:p=0.01,seed=7   each pass fails with that probability; the same seed, the same passes
//   frame_allocation:off
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pagoda::failpoint {

class Site {
public:
  explicit constexpr Site(std::string_view name) : name_(name) {}

  // The `n`th pass from now fails (1 is the next one), once; 0 disarms.
  void fail_at(std::uint64_t n);
  // Each pass from now on fails with that probability, 0 (disarms) to 1.
  void fail_with(double probability, std::uint64_t seed = 1);
  void disarm() { fail_at(0); }

  [[nodiscard]] bool fails() {
    if (!armed_.load(std::memory_order_relaxed)) [[likely]]
      return false;
    return fails_armed();
  }
  [[nodiscard]] bool armed() const { return armed_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string_view name() const { return name_; }
  // Passes that failed, since the start of the process.
  [[nodiscard]] std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

private:
  [[nodiscard]] bool fails_armed();

  std::string_view name_;
  std::atomic<bool> armed_{false};
  std::atomic<std::uint64_t> countdown_{0};
  std::atomic<std::uint64_t> threshold_{0}; // of 2^64
  std::atomic<std::uint64_t> random_{0};
  std::atomic<std::uint64_t> failures_{0};
};

// Makes a site known by its name; static objects, made before main. Names are unique.
class Registration {
public:
  explicit Registration(Site &site);
};

[[nodiscard]] std::vector<Site *> sites();       // in order of their names
[[nodiscard]] Site *find(std::string_view name); // null when there is none
// Empty, or what is wrong with the text; then nothing is armed.
[[nodiscard]] std::string arm(std::string_view text);
void disarm_all();

extern Site frame_allocation;      // phys: a frame for data
extern Site table_allocation;      // table: a frame for a page table
extern Site descriptor_allocation; // phys: host memory for per-CPU lists and counters; done without
extern Site file_read;             // space: reading a page from a file

} // namespace pagoda::failpoint
