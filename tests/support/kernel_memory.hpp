// A kernel arena with caches over it, for tests without a VM, and what they are told of misuse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "mmu/phys/kernel_arena.hpp"
#include "mmu/phys/slab/registry.hpp"

namespace pagoda::test {

class KernelMemory {
public:
  explicit KernelMemory(std::uint64_t bytes, phys::SlabOptions options = {.checks = phys::CacheFlags::None})
      : arena(phys::KernelArena::create(bytes).value()), registry(*arena, options) {
    registry.on_misuse([this](const phys::MisuseReport &report) {
      const std::lock_guard guard(mutex_);
      reports.push_back(report);
    });
  }

  [[nodiscard]] phys::Cache &cache(phys::CacheSpec spec) { return **registry.create(std::move(spec)); }

  std::unique_ptr<phys::KernelArena> arena;
  phys::SlabRegistry registry;
  std::vector<phys::MisuseReport> reports;

private:
  std::mutex mutex_;
};

} // namespace pagoda::test
