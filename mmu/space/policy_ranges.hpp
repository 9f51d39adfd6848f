// The memory policies of the parts of a shared object, by offset (Linux's shared policies).
//
// Invariants: ranges are disjoint, none is empty or has the default policy, and no two that meet have
// the same. Not locked: guarded by the object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "mmu/space/mempolicy.hpp"

namespace pagoda::space {

class PolicyRanges {
public:
  // More ranges are refused: they live in host memory.
  static constexpr std::size_t kMaxRanges = 65530;

  // Offsets in bytes, begin < end. The default policy takes what was there away. OutOfMemory: too many.
  Result<> set(std::uint64_t begin, std::uint64_t end, const Mempolicy &policy);
  [[nodiscard]] Mempolicy at(std::uint64_t offset) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::size_t size() const { return ranges_.size(); }

private:
  struct Range {
    std::uint64_t end;
    Mempolicy policy;
  };
  using Map = std::map<std::uint64_t, Range>;
  void cut(std::uint64_t at); // so that no range reaches across

  Map ranges_; // by their begin
};

} // namespace pagoda::space
