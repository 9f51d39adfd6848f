#include "mmu/tlb/invalidator.hpp"

#include <string>
#include <utility>

#include "mmu/base/broken.hpp"

namespace pagoda::tlb {

Invalidator::Invalidator(Carrier &carrier, phys::PhysicalMemory &memory) : carrier_(carrier), memory_(memory) {}

Invalidator::~Invalidator() { drain(); }

void Invalidator::consume(Gfn root, table::InvalidationBatch batch) {
  if (batch.empty()) return;
  const table::InvalidationBatch::Contents owed = batch.consume();
  const bool hold = carrier_.caches_tables() && !owed.tables.empty();
  // A table without a stale leaf may still be cached as an upper-level entry.
  if (!owed.stale.empty())
    flush(root, owed.stale);
  else if (!owed.tables.empty() && !hold)
    flush_all();

  memory_.put_all(owed.frames);
  if (!hold) memory_.put_all(owed.tables);

  bool full = false;
  {
    LockGuard guard(mutex_);
    ++counters_.batches;
    counters_.leaves += owed.stale.size();
    if (hold) quarantine_.insert(quarantine_.end(), owed.tables.begin(), owed.tables.end());
    full = quarantine_.size() >= kQuarantineLimit;
  }
  if (full) drain();
}

void Invalidator::drain() {
  // Taken out before the flush: what others add meanwhile waits for the next one.
  std::vector<Gfn> tables;
  {
    LockGuard guard(mutex_);
    tables = std::exchange(quarantine_, {});
  }
  if (tables.empty()) return;
  flush_all();
  memory_.put_all(tables);
}

void Invalidator::flush(Gfn root, std::span<const table::StaleLeaf> stale) {
  {
    LockGuard guard(carrier_mutex_);
    if (carrier_.flush(root, stale)) return;
  }
  flush_all();
}

void Invalidator::flush_all() {
  {
    LockGuard guard(carrier_mutex_);
    if (Result<> done = carrier_.flush_all(); !done)
      broken((std::string("the carrier ") + carrier_.name() + " cannot flush: " + std::string(message(done.error())))
                 .c_str());
  }
  LockGuard guard(mutex_);
  ++counters_.full;
}

FlushCounters Invalidator::counters() const {
  LockGuard guard(mutex_);
  FlushCounters snapshot = counters_;
  snapshot.quarantined = quarantine_.size();
  return snapshot;
}

} // namespace pagoda::tlb
