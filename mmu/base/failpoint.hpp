// Named places at which an allocation or an I/O can be made to fail, by number, for tests and
// fault-injection experiments. A site costs one relaxed load when nothing is armed.
//
//   if (failpoint::frame_allocation.fails()) return unexpected(Error::OutOfMemory);
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace pagoda::failpoint {

class Site {
public:
  explicit constexpr Site(std::string_view name) : name_(name) {}

  // The `n`th pass from now fails (1 is the next one), once; 0 disarms.
  void fail_at(std::uint64_t n) { countdown_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] bool fails() {
    if (countdown_.load(std::memory_order_relaxed) == 0) [[likely]]
      return false;
    return countdown_.fetch_sub(1, std::memory_order_relaxed) == 1;
  }
  [[nodiscard]] std::string_view name() const { return name_; }

private:
  std::string_view name_;
  std::atomic<std::uint64_t> countdown_{0};
};

extern Site frame_allocation; // phys: a frame for data
extern Site table_allocation; // table: a frame for a page table
extern Site file_read;        // space: reading a page from a file

} // namespace pagoda::failpoint
