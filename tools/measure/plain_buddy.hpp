// The reference: the plain binary buddy of the textbooks (Knowlton 1965; Knuth, TAOCP vol. 1, 2.5)
// behind one lock, without migratetypes, per-CPU lists, zones, owners or reference counts. It is what
// the manager's own frame allocator is compared with, so it is kept simple, and as fast as simple is.
//
// Invariants: a block is aligned to its size; two free buddies of one order never stand side by side;
// the list of an order holds just the free heads of that order, and `present_` has its bit when the
// list is not empty.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace pagoda::measure {

class PlainBuddy {
public:
  static constexpr unsigned kOrders = 11; // 0 to 10, as in the manager

  explicit PlainBuddy(std::uint32_t frames);

  // The first frame of a block of 2^order frames aligned to its size.
  [[nodiscard]] std::optional<std::uint32_t> allocate(unsigned order);
  // Takes back a block by its first frame; false when none of that order was handed out there.
  [[nodiscard]] bool free(std::uint32_t head, unsigned order);

  [[nodiscard]] std::uint32_t frames() const { return std::uint32_t(frames_.size()); }
  [[nodiscard]] std::array<std::uint64_t, kOrders> free_blocks() const;

private:
  static constexpr std::uint32_t kNone = ~0u;
  static constexpr std::uint8_t kBody = 0, kFree = 1, kUsed = 2;
  struct Frame {
    std::uint32_t next = kNone, prev = kNone;
    std::uint8_t order = 0, state = kBody;
  };
  void push(std::uint32_t head, unsigned order);
  void unlink(std::uint32_t head);

  mutable std::mutex mutex_;
  std::vector<Frame> frames_;
  std::array<std::uint32_t, kOrders> heads_;
  std::uint32_t present_ = 0; // bit n: the list of order n is not empty
};

} // namespace pagoda::measure
