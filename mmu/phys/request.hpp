// What an allocation asks for.
#pragma once

#include "mmu/phys/frame.hpp"
#include "mmu/phys/gfp.hpp"
#include "mmu/phys/node_id.hpp"
#include "mmu/phys/order.hpp"

namespace pagoda::phys {

struct Request {
  Gfp gfp = Gfp::HighUserMovable | Gfp::Zero;
  Order order = 0;
  FrameKind kind = FrameKind::Anonymous;
  Owner owner = 0;
  NodeId preferred = local_node();
  const NodeMask *allowed = nullptr; // all when null
  bool interleaved = false;          // `preferred` was chosen by interleaving: counted as such
};

// The gfp flags of a kind that is asked for without any: program pages can move, the rest cannot.
[[nodiscard]] constexpr Gfp usual_gfp(FrameKind kind) {
  return can_move(kind) ? Gfp::HighUserMovable : kind == FrameKind::Stub ? Gfp::Kernel : Gfp::Kernel | Gfp::Account;
}

} // namespace pagoda::phys
