// A pool of objects with a reserve that nobody else can take: an allocation that must go on while
// memory is short (to write pages out, to report the shortage) succeeds as long as those before it
// give theirs back (Linux's mempool).
//
// Memory is taken from the cache, or from kmalloc, as long as there is any; then from the reserve.
//
// Invariant: reserved() + elements of the reserve in use = size(), once every free has refilled it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "mmu/base/error.hpp"
#include "mmu/phys/kmalloc.hpp"

namespace pagoda::phys {

class MemPool {
public:
  // A reserve of `size` objects of `cache`, or blocks of `bytes`. OutOfMemory: it cannot be filled;
  // Invalid: an empty reserve. What it stands on outlives it.
  static Result<std::unique_ptr<MemPool>> create(std::size_t size, Cache &cache);
  static Result<std::unique_ptr<MemPool>> create(std::size_t size, Kmalloc &kmalloc, std::size_t bytes);
  ~MemPool(); // every element is back
  MemPool(const MemPool &) = delete;
  MemPool &operator=(const MemPool &) = delete;

  // Null when the reserve is empty too, unless Gfp::NoFail: then it waits for a free.
  [[nodiscard]] void *allocate(Gfp gfp = Gfp::Kernel);
  void free(void *element); // null is nothing
  // Grows or shrinks the reserve. OutOfMemory: it is as it was.
  Result<> resize(std::size_t size);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t reserved() const; // of it, elements not in use

private:
  MemPool(Cache *cache, Kmalloc *kmalloc, std::size_t bytes) : cache_(cache), kmalloc_(kmalloc), bytes_(bytes) {}
  static Result<std::unique_ptr<MemPool>> filled(std::unique_ptr<MemPool> pool, std::size_t size);
  [[nodiscard]] void *take(Gfp gfp);
  void give(void *element);

  Cache *cache_;
  Kmalloc *kmalloc_;
  std::size_t bytes_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t size_ = 0;
  std::vector<void *> reserve_;
};

} // namespace pagoda::phys
