#include "mmu/phys/mempool.hpp"

#include <cstring>

namespace pagoda::phys {

void *MemPool::take(Gfp gfp) { return cache_ != nullptr ? cache_->allocate(gfp) : kmalloc_->allocate(bytes_, gfp); }

void MemPool::give(void *element) {
  if (cache_ != nullptr)
    cache_->free(element);
  else
    kmalloc_->free(element);
}

Result<std::unique_ptr<MemPool>> MemPool::filled(std::unique_ptr<MemPool> pool, std::size_t size) {
  if (size == 0) return unexpected(Error::Invalid);
  if (const Result<> grown = pool->resize(size); !grown) return unexpected(grown.error());
  return pool;
}

Result<std::unique_ptr<MemPool>> MemPool::create(std::size_t size, Cache &cache) {
  return filled(std::unique_ptr<MemPool>(new MemPool(&cache, nullptr, cache.object_size())), size);
}

Result<std::unique_ptr<MemPool>> MemPool::create(std::size_t size, Kmalloc &kmalloc, std::size_t bytes) {
  return filled(std::unique_ptr<MemPool>(new MemPool(nullptr, &kmalloc, bytes)), size);
}

MemPool::~MemPool() {
  for (void *element : reserve_) give(element);
}

void *MemPool::allocate(Gfp gfp) {
  if (void *element = take(gfp & ~Gfp::NoFail)) return element;
  std::unique_lock lock(mutex_);
  if (has(gfp, Gfp::NoFail)) freed_.wait(lock, [this] { return !reserve_.empty(); });
  if (reserve_.empty()) return nullptr;
  void *element = reserve_.back();
  reserve_.pop_back();
  if (has(gfp, Gfp::Zero)) std::memset(element, 0, bytes_);
  return element;
}

void MemPool::free(void *element) {
  if (element == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    if (reserve_.size() < size_) {
      reserve_.push_back(element);
      element = nullptr;
    }
  }
  if (element == nullptr)
    freed_.notify_one();
  else
    give(element);
}

Result<> MemPool::resize(std::size_t size) {
  std::vector<void *> fresh;
  std::vector<void *> spare;
  // Memory is taken with no lock held: to take it may mean to wait for it.
  for (std::size_t have = this->size(); have + fresh.size() < size;) {
    void *element = take(Gfp::Kernel);
    if (element == nullptr) {
      for (void *each : fresh) give(each);
      return unexpected(Error::OutOfMemory);
    }
    fresh.push_back(element);
  }
  {
    const std::lock_guard lock(mutex_);
    size_ = size;
    reserve_.insert(reserve_.end(), fresh.begin(), fresh.end());
    for (; reserve_.size() > size; reserve_.pop_back()) spare.push_back(reserve_.back());
  }
  freed_.notify_all();
  for (void *element : spare) give(element);
  return {};
}

std::size_t MemPool::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

std::size_t MemPool::reserved() const {
  const std::lock_guard lock(mutex_);
  return reserve_.size();
}

} // namespace pagoda::phys
