// Nodes: banks of memory with the CPUs that are near to them. A machine with one node is UMA.
#pragma once

#include <bit>
#include <cstdint>

namespace pagoda::phys {

using NodeId = std::uint8_t; // below kMaxNodes
inline constexpr unsigned kMaxNodes = 64;

// A set of nodes.
class NodeMask {
public:
  constexpr NodeMask() = default;
  constexpr explicit NodeMask(std::uint64_t bits) : bits_(bits) {}
  static constexpr NodeMask all() { return NodeMask(~0ull); }
  static constexpr NodeMask of(NodeId node) { return NodeMask(1ull << (node % kMaxNodes)); }
  // The nodes below `count`.
  static constexpr NodeMask below(unsigned count) { return NodeMask(count >= kMaxNodes ? ~0ull : (1ull << count) - 1); }

  [[nodiscard]] constexpr bool has(NodeId node) const { return node < kMaxNodes && (bits_ >> node & 1) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr unsigned size() const { return unsigned(std::popcount(bits_)); }
  [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
  // The lowest node of the set; kMaxNodes when it is empty.
  [[nodiscard]] constexpr NodeId first() const { return NodeId(std::countr_zero(bits_)); }
  // The next node after `node`, going round; kMaxNodes when the set is empty.
  [[nodiscard]] constexpr NodeId next(NodeId node) const {
    const std::uint64_t above = node + 1u >= kMaxNodes ? 0 : bits_ & ~0ull << (node + 1);
    return NodeId(std::countr_zero(above != 0 ? above : bits_));
  }
  constexpr void add(NodeId node) { bits_ |= of(node).bits_; }
  constexpr void remove(NodeId node) { bits_ &= ~of(node).bits_; }

  constexpr bool operator==(const NodeMask &) const = default;
  constexpr NodeMask operator&(NodeMask other) const { return NodeMask(bits_ & other.bits_); }
  constexpr NodeMask operator|(NodeMask other) const { return NodeMask(bits_ | other.bits_); }

private:
  std::uint64_t bits_ = 0;
};

namespace detail {
inline thread_local constinit NodeId current_node = 0;
}

// The node of the CPU that the calling thread stands for: 0 until it says otherwise.
[[nodiscard]] inline NodeId local_node() { return detail::current_node; }
inline void set_local_node(NodeId node) { detail::current_node = node; }

} // namespace pagoda::phys
