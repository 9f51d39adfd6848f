// A carrier that plays the worst processor allowed: it keeps every translation that it was ever
// shown until it is told to forget it, and objects when a frame went back before that.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <utility>

#include "mmu/space/space.hpp"
#include "mmu/tlb/invalidator.hpp"

namespace pagoda::test {

class SoftTlb : public tlb::Carrier {
public:
  explicit SoftTlb(phys::PhysicalMemory &memory) : memory_(memory) {}

  [[nodiscard]] const char *name() const override { return "soft TLB"; }
  Result<> flush(Gfn root, std::span<const table::StaleLeaf> stale) override {
    for (const table::StaleLeaf &leaf : stale) {
      if (memory_.is_ram(leaf.old_frame)) {
        EXPECT_NE(memory_.frame(leaf.old_frame).refs.load(), 0u) << "freed before its flush";
      }
      for (std::uint32_t i = 0; i < leaf.frames; ++i) cached_.erase({root, leaf.gva + i * kPageSize});
    }
    return {};
  }
  Result<> flush_all() override {
    cached_.clear();
    return {};
  }
  [[nodiscard]] bool caches_tables() const override { return false; }

  // The processor walks to gva now.
  void walk(const space::Space &space, Gva gva) {
    const auto leaf = space.query(gva.page_floor());
    if (leaf && any(leaf->prot & Prot::Read)) cached_[{space.root(), gva.page_floor()}] = *leaf;
  }
  // Translations of this space that its table no longer gives.
  [[nodiscard]] std::string stale(const space::Space &space) const {
    for (const auto &[key, old] : cached_) {
      if (key.first != space.root()) continue;
      const auto now = space.query(key.second);
      if (!now || now->frame != old.frame || !has(now->prot, old.prot))
        return "stale translation of " + std::to_string(key.second.value());
    }
    return {};
  }
  void forget() { cached_.clear(); }

private:
  phys::PhysicalMemory &memory_;
  std::map<std::pair<Gfn, Gva>, table::Mapping> cached_;
};

} // namespace pagoda::test
