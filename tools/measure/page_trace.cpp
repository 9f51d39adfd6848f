#include "tools/measure/page_trace.hpp"

#include <algorithm>
#include <numeric>

namespace pagoda::measure {
namespace {

constexpr std::uint32_t kGrowing = 16;             // jobs that grow at the same time
constexpr std::uint32_t kBurst = 16;               // frames that one fault brings at most
constexpr std::uint32_t kCachePercent = 15;        // of the frames, where the shrinker sets in
constexpr std::uint32_t kShrinkBatch = 128;        // objects it looks at
constexpr std::uint32_t kReferencedPermille = 100; // of those that it leaves for another round

// How often a job's burst begins, and how often the kernel allocates instead; which type that has then,
// in parts of 1000, the rest being high-atomic.
constexpr std::uint32_t kKernelPermille = 750;
constexpr std::uint32_t kUnmovable = 400, kReclaimable = 350;
constexpr std::uint32_t kLongLived = 60;      // of 1000 unmovable ones
constexpr std::uint32_t kComputePercent = 55; // of the frames: allocations of the kernel while jobs compute

// Orders 0 to 3, most of them 0: what slab caches and stacks ask for.
unsigned kernel_order(Random &random) {
  const std::uint32_t part = random.below(1000);
  return part < 800 ? 0 : part < 900 ? 1 : part < 960 ? 2 : 3;
}

unsigned packet_order(Random &random) {
  const std::uint32_t part = random.below(1000);
  return part < 600 ? 0 : part < 850 ? 1 : 2;
}

} // namespace

PageTrace::PageTrace(std::uint32_t frames, std::uint64_t seed) : random_(seed), frames_(std::max(frames, 4096u)) {
  for (std::uint32_t job = 0; job < kGrowing; ++job) growing_.push_back(new_job());
}

std::uint64_t PageTrace::live_frames() const { return std::accumulate(live_, live_ + kPageTypes, 0ull); }

bool PageTrace::full() const { return live_frames() * 100 >= std::uint64_t(frames_) * kFullPercent; }

PageOperation PageTrace::next() {
  if (due_.empty()) collect_ends();
  if (due_.empty()) return allocate();
  const std::uint32_t id = due_.back();
  due_.pop_back();
  return end(id);
}

void PageTrace::collect_ends() {
  while (!ends_.empty() && ends_.top().time <= now_) {
    due_.push_back(ends_.top().id);
    ends_.pop();
  }
  if (live_[unsigned(PageType::Reclaimable)] * 100 >= std::uint64_t(frames_) * kCachePercent) shrink();
  if (computing_ && now_ >= batch_end_) end_batch();
}

void PageTrace::end_batch() {
  computing_ = false;
  for (auto *jobs : {&growing_, &grown_})
    for (const Job &job : *jobs) due_.insert(due_.end(), job.ids.rbegin(), job.ids.rend());
  grown_.clear();
  for (Job &job : growing_) job = new_job();
}

void PageTrace::shrink() {
  for (std::uint32_t i = 0; i < kShrinkBatch && !caches_.empty(); ++i) {
    const std::uint32_t id = caches_.front();
    caches_.pop_front();
    if (random_.permille(kReferencedPermille))
      caches_.push_back(id);
    else
      due_.push_back(id);
  }
}

PageOperation PageTrace::allocate() {
  ++now_;
  if (!computing_ && full()) {
    computing_ = true;
    batch_end_ = now_ + frames_ * kComputePercent / 100;
    burst_left_ = 0;
  }
  if (burst_left_ != 0) return grow_job();
  if (computing_ || random_.permille(kKernelPermille)) return allocate_for_kernel();
  burst_left_ = std::uint32_t(random_.log_uniform(1, kBurst));
  burst_job_ = random_.below(kGrowing);
  return grow_job();
}

PageOperation PageTrace::allocate_for_kernel() {
  const std::uint32_t part = random_.below(1000);
  if (part < kUnmovable) {
    const PageOperation operation = begin(PageType::Unmovable, kernel_order(random_));
    const std::uint64_t life = random_.permille(kLongLived) ? random_.log_uniform(frames_ / 4, frames_ * 8ull)
                                                            : random_.log_uniform(16, frames_ / 16);
    ends_.push({now_ + life, operation.id});
    return operation;
  }
  if (part < kUnmovable + kReclaimable) {
    const PageOperation operation = begin(PageType::Reclaimable, kernel_order(random_));
    caches_.push_back(operation.id);
    return operation;
  }
  const PageOperation operation = begin(PageType::HighAtomic, packet_order(random_));
  ends_.push({now_ + random_.log_uniform(4, 512), operation.id});
  return operation;
}

PageOperation PageTrace::grow_job() {
  --burst_left_;
  Job &job = growing_[burst_job_];
  const PageOperation operation = begin(PageType::Movable, 0);
  job.ids.push_back(operation.id);
  if (job.ids.size() >= job.wanted) {
    burst_left_ = 0;
    grown_.push_back(std::move(job));
    job = new_job();
  }
  return operation;
}

PageTrace::Job PageTrace::new_job() { return {{}, random_.log_uniform(frames_ / 1024, frames_ / 32)}; }

PageOperation PageTrace::begin(PageType type, unsigned order) {
  std::uint32_t id = std::uint32_t(objects_.size());
  if (free_ids_.empty()) {
    objects_.emplace_back();
  } else {
    id = free_ids_.back();
    free_ids_.pop_back();
  }
  objects_[id] = {type, std::uint8_t(order)};
  live_[unsigned(type)] += 1ull << order;
  return {PageOperation::Kind::Allocate, type, std::uint8_t(order), id};
}

PageOperation PageTrace::end(std::uint32_t id) {
  const Object object = objects_[id];
  live_[unsigned(object.type)] -= 1ull << object.order;
  free_ids_.push_back(id);
  return {PageOperation::Kind::Free, object.type, object.order, id};
}

} // namespace pagoda::measure
