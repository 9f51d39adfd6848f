// Making a change visible to the processor: one interface, several carriers.
//
// A carrier is the host-specific way by which a downgrade in a guest page table reaches the
// processor (vmm supplies them, `pagoda doctor` proves the chosen one). The invalidator consumes
// batches: carrier first, then the frames and tables that the batch held back. It may be called from
// any thread; the carrier's flushes are called by one at a time.
//
// A host that shadows guest page tables may cache a table page by its frame number, so a retired
// table page is quarantined there until the next full flush; `Carrier::caches_tables()` says so.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mmu/base/error.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/table/invalidation_batch.hpp"

namespace pagoda::tlb {

class Carrier {
public:
  virtual ~Carrier() = default;
  [[nodiscard]] virtual const char *name() const = 0;
  // After it returns, no processor uses a translation to any of the stale leaves' old frames with
  // the old rights. `root` is the table they were in. A carrier that does not cache tables also drops
  // here what processors cached of upper-level entries (INVLPG and MOV to CR3 do: SDM vol. 3, 4.10.4).
  virtual Result<> flush(Gfn root, std::span<const table::StaleLeaf> stale) = 0;
  // After it returns, nothing derived from any guest page table is cached anywhere.
  virtual Result<> flush_all() = 0;
  [[nodiscard]] virtual bool caches_tables() const = 0;
};

struct FlushCounters {
  std::uint64_t batches = 0;
  std::uint64_t leaves = 0;
  std::uint64_t full = 0;
  std::uint64_t quarantined = 0; // table pages now waiting for a full flush
};

class Invalidator {
public:
  Invalidator(Carrier &carrier, phys::PhysicalMemory &memory);
  ~Invalidator(); // flushes and releases the quarantine

  // Consumes the batch. A carrier that fails is answered by a full flush; if that fails too the
  // process cannot go on safely: abort with the reason.
  void consume(Gfn root, table::InvalidationBatch batch);
  // Flushes all and empties the quarantine (memory is short, or the VM is about to end). Nothing when
  // the quarantine is empty.
  void drain();
  [[nodiscard]] FlushCounters counters() const;

  // Quarantined table pages that trigger a full flush by themselves.
  static constexpr std::size_t kQuarantineLimit = 256;

private:
  void flush(Gfn root, std::span<const table::StaleLeaf> stale) PAGODA_EXCLUDES(mutex_, carrier_mutex_);
  void flush_all() PAGODA_EXCLUDES(mutex_, carrier_mutex_);

  Carrier &carrier_;
  phys::PhysicalMemory &memory_;
  Mutex carrier_mutex_; // held while the carrier works; never together with mutex_
  mutable Mutex mutex_;
  std::vector<Gfn> quarantine_ PAGODA_GUARDED_BY(mutex_);
  FlushCounters counters_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::tlb
