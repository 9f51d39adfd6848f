// Memory policies: from which nodes pages are wanted.
//
// A policy is a value. A task has one for all its pages, an area may have one that goes before it,
// a shared object one for each of its ranges. Semantics, refusals and numbers are those of
// set_mempolicy(2) and Documentation/admin-guide/mm/numa_memory_policy.rst.
//
// | mode           | where a page comes from                                                        |
// |----------------|--------------------------------------------------------------------------------|
// | Default        | what lies above decides: the area falls back to the task, the task to Local     |
// | Local          | the node of the processor that asks, else the nearest with room                |
// | Preferred      | one node, else the nearest with room                                           |
// | PreferredMany  | the nearest of some nodes, else the nearest of all                             |
// | Bind           | the nearest of some nodes, else nowhere                                        |
// | Interleave     | one node after the other, by the page's place in its file or address space      |
//
// Invariant: `nodes()` is empty for Default and Local, one node for Preferred, and never empty for
// the rest. Only `make` builds anything but the default, so no other policy exists.
#pragma once

#include <cstdint>
#include <optional>

#include "mmu/base/error.hpp"
#include "mmu/phys/node_id.hpp"

namespace pagoda::space {

// Numbers of uapi/linux/mempolicy.h.
enum class PolicyMode : std::uint8_t {
  Default = 0,
  Preferred = 1,
  Bind = 2,
  Interleave = 3,
  Local = 4,
  PreferredMany = 5,
};
inline constexpr unsigned kPolicyModes = 6;

enum class PolicyFlags : std::uint16_t {
  None = 0,
  NumaBalancing = 1 << 13, // a hint for the balancer, with Bind alone; there is none here
  RelativeNodes = 1 << 14, // the mask counts the allowed nodes instead of naming them
  StaticNodes = 1 << 15,   // the mask is to be remembered as given
};
constexpr PolicyFlags operator|(PolicyFlags a, PolicyFlags b) {
  return PolicyFlags(std::uint16_t(a) | std::uint16_t(b));
}
constexpr bool has(PolicyFlags f, PolicyFlags bit) { return (std::uint16_t(f) & std::uint16_t(bit)) != 0; }
inline constexpr std::uint16_t kPolicyFlags = 7 << 13;

class Mempolicy {
public:
  Mempolicy() = default; // Default

  // `wanted` as a program gave it; `allowed`: the nodes that have memory. Invalid: the combination
  // is one that Linux refuses, or no wanted node is allowed.
  static Result<Mempolicy> make(PolicyMode mode, PolicyFlags flags, phys::NodeMask wanted, phys::NodeMask allowed);
  // Only that node (what moving pages asks for).
  static Mempolicy only(phys::NodeId node);

  [[nodiscard]] PolicyMode mode() const { return mode_; }
  [[nodiscard]] PolicyFlags flags() const { return flags_; }
  [[nodiscard]] bool is_default() const { return mode_ == PolicyMode::Default; }
  // The nodes it acts on.
  [[nodiscard]] phys::NodeMask nodes() const { return nodes_; }
  // What get_mempolicy answers: as given where a flag says so, else as it acts.
  [[nodiscard]] phys::NodeMask told_nodes() const;
  // The node whose neighbours come first, for Bind and PreferredMany; none: the processor's own.
  [[nodiscard]] std::optional<phys::NodeId> home() const;
  // Error::Unsupported for the other modes.
  [[nodiscard]] Result<Mempolicy> with_home(phys::NodeId node) const;
  // Interleave: the node of the page with that number, counted from the start of its file or space.
  [[nodiscard]] phys::NodeId interleaved(std::uint64_t page) const;
  // The node that an allocation without a place would take next.
  [[nodiscard]] phys::NodeId first_node() const;

  bool operator==(const Mempolicy &) const = default;

private:
  static constexpr std::uint8_t kNoHome = 0xff;

  PolicyMode mode_ = PolicyMode::Default;
  std::uint8_t home_ = kNoHome;
  PolicyFlags flags_ = PolicyFlags::None;
  phys::NodeMask nodes_{};
  phys::NodeMask given_{}; // with a flag that keeps it
};

} // namespace pagoda::space
