// A carrier of invalidation that flushes nothing and remembers what it was asked.
#pragma once

#include <functional>
#include <vector>

#include "mmu/tlb/invalidator.hpp"

namespace pagoda::test {

class RecordingCarrier : public tlb::Carrier {
public:
  struct Call {
    bool full = false;
    Gfn root;
    std::vector<table::StaleLeaf> stale;
  };

  explicit RecordingCarrier(bool caches_tables = false) : caches_tables_(caches_tables) {}

  [[nodiscard]] const char *name() const override { return "recording"; }
  Result<> flush(Gfn root, std::span<const table::StaleLeaf> stale) override {
    if (on_flush) on_flush();
    calls.push_back({false, root, {stale.begin(), stale.end()}});
    return flush_fails ? Result<>(unexpected(Error::Io)) : Result<>{};
  }
  Result<> flush_all() override {
    if (on_flush) on_flush();
    calls.push_back({true, {}, {}});
    return flush_all_fails ? Result<>(unexpected(Error::Io)) : Result<>{};
  }
  [[nodiscard]] bool caches_tables() const override { return caches_tables_; }

  std::vector<Call> calls;
  std::function<void()> on_flush; // runs inside each flush
  bool flush_fails = false;
  bool flush_all_fails = false;

private:
  bool caches_tables_;
};

} // namespace pagoda::test
