#include "tools/measure/fragmentation_comparison.hpp"

#include <algorithm>
#include <optional>

#include "mmu/phys/fragmentation.hpp"
#include "tools/measure/managed_frames.hpp"
#include "tools/measure/page_trace.hpp"
#include "tools/measure/plain_buddy.hpp"

namespace pagoda::measure {
namespace {

// Where an object of the trace lies in each of the two, if it could be had.
struct Places {
  std::optional<Gfn> ours;
  std::optional<std::uint32_t> plain;
};

class Run {
public:
  explicit Run(const ComparisonOptions &options)
      : options_(options), trace_(options.frames, options.seed), ours_(options.frames), plain_(options.frames) {}

  PageOperation::Kind step() {
    const PageOperation operation = trace_.next();
    carry_out(operation);
    return operation.kind;
  }

  void sample(std::uint64_t operations) {
    (void)ours_.drain();
    const auto index = [this](const auto &free_blocks) {
      return double(phys::unusable_free_index(free_blocks, options_.order)) / 1000;
    };
    result_.samples.push_back({operations, double(trace_.live_frames()) / double(options_.frames),
                               index(ours_.memory().counters().free_blocks), index(plain_.free_blocks())});
  }

  Comparison finish() {
    for (const IndexSample &sample : result_.samples) {
      result_.ours += sample.ours / double(result_.samples.size());
      result_.plain += sample.plain / double(result_.samples.size());
    }
    return std::move(result_);
  }

private:
  void carry_out(const PageOperation &operation) {
    if (operation.id >= places_.size()) places_.resize(operation.id + 1);
    Places &places = places_[operation.id];
    if (operation.kind == PageOperation::Kind::Free) {
      if (places.ours) ours_.free(*places.ours, operation.order);
      if (places.plain) (void)plain_.free(*places.plain, operation.order);
      return;
    }
    places = {ours_.allocate(operation.order, operation.type), plain_.allocate(operation.order)};
    result_.failures_ours += !places.ours;
    result_.failures_plain += !places.plain;
  }

  const ComparisonOptions &options_;
  PageTrace trace_;
  ManagedFrames ours_;
  PlainBuddy plain_;
  std::vector<Places> places_; // by the trace's identifiers
  Comparison result_;
};

} // namespace

Comparison compare_fragmentation(const ComparisonOptions &options) {
  Run run(options);
  // About half of the operations are allocations, by which time is counted.
  const std::uint64_t settled = options.operations / 2;
  const std::uint64_t stride = std::max<std::uint64_t>(1, settled / 2 / std::max(1u, options.samples));
  std::uint64_t allocations = 0;
  for (std::uint64_t done = 1; done <= options.operations; ++done) {
    if (run.step() != PageOperation::Kind::Allocate || ++allocations % stride != 0) continue;
    if (done > settled) run.sample(done);
    if (options.on_progress) options.on_progress(done);
  }
  return run.finish();
}

} // namespace pagoda::measure
