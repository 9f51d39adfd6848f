// What an allocation calls when memory runs low; the reclaimer supplies it.
//
// Both are called without any lock of the physical memory. A caller that holds locks which reclaim would
// need asks without Gfp::DirectReclaim.
#pragma once

#include <cstdint>

#include "mmu/phys/request.hpp"

namespace pagoda::phys {

class PressureHandler {
public:
  virtual ~PressureHandler() = default;
  // A zone of the node went below its low watermark. Returns at once.
  virtual void wake_background(NodeId node, const Request &request) = 0;
  // Frees frames, here and now; how many. 0 ends the attempt.
  [[nodiscard]] virtual std::uint64_t reclaim(const Request &request) = 0;
};

} // namespace pagoda::phys
