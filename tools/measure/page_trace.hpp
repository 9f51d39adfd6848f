// Work for a frame allocator: a seeded sequence of allocations and frees of blocks of frames of four
// migratetypes, at 70 % occupancy on average. It is a model of a machine that works off batches of jobs:
//
//   movable      program memory: the jobs of a batch grow in bursts of 1 to 16 frames, many of them
//                interleaved, until the machine is 90 % full; then they compute for a while, end,
//                and give everything back
//   unmovable    the kernel's own: most are short-lived buffers, one in ten outlives several batches
//   reclaimable  caches: grow until a shrinker takes the oldest of them, some kept in use
//   high-atomic  packets: small blocks of orders 0 to 2 that live very shortly
//
// Memory of the kernel is allocated in between that of the jobs, and is still there when they have
// ended: whether it lies among what they leave behind is what migratetypes are about.
//
// The trace depends on its seed and size alone, never on what an allocator answers, so any number of
// allocators can be given the same one. Lives are counted in allocations. Identifiers are dense and
// reused after their free.
#pragma once

#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

#include "tools/measure/random.hpp"

namespace pagoda::measure {

enum class PageType : std::uint8_t { Unmovable, Movable, Reclaimable, HighAtomic };
inline constexpr unsigned kPageTypes = 4;

struct PageOperation {
  enum class Kind : std::uint8_t { Allocate, Free } kind{};
  PageType type{};
  std::uint8_t order = 0;
  std::uint32_t id = 0;
};

class PageTrace {
public:
  static constexpr std::uint32_t kFullPercent = 90; // of the frames, where jobs stop growing
  // At least 4096 frames, so that the shares of the types come to whole blocks.
  PageTrace(std::uint32_t frames, std::uint64_t seed);

  [[nodiscard]] PageOperation next();

  [[nodiscard]] std::uint64_t live_frames() const;
  [[nodiscard]] std::uint64_t live_frames(PageType type) const { return live_[unsigned(type)]; }
  [[nodiscard]] std::uint32_t ids() const { return std::uint32_t(objects_.size()); } // all are below it

private:
  struct Object {
    PageType type{};
    std::uint8_t order = 0;
  };
  struct Job {
    std::vector<std::uint32_t> ids;
    std::uint64_t wanted = 0; // objects
  };
  struct End {
    std::uint64_t time = 0;
    std::uint32_t id = 0;
    bool operator>(const End &other) const { return time > other.time; }
  };
  [[nodiscard]] bool full() const;
  PageOperation allocate();
  PageOperation allocate_for_kernel();
  PageOperation begin(PageType type, unsigned order);
  PageOperation grow_job();
  PageOperation end(std::uint32_t id);
  void collect_ends(); // what is due now, onto due_
  void end_batch();    // all jobs' objects, onto due_
  void shrink();       // the oldest of the reclaimable objects, onto due_
  [[nodiscard]] Job new_job();

  Random random_;
  std::uint32_t frames_;
  std::uint64_t now_ = 0;
  std::uint64_t live_[kPageTypes] = {};
  std::vector<Object> objects_;
  std::vector<std::uint32_t> free_ids_;
  std::vector<Job> growing_, grown_;
  std::uint32_t burst_left_ = 0, burst_job_ = 0;
  bool computing_ = false; // the machine is full: until batch_end_ only the kernel allocates
  std::uint64_t batch_end_ = 0;
  std::deque<std::uint32_t> caches_; // reclaimable objects, oldest first
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  std::vector<std::uint32_t> due_; // to be freed before anything else; from the back
};

} // namespace pagoda::measure
