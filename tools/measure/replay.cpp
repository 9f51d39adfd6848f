#include "tools/measure/replay.hpp"

#include <algorithm>

#include "tools/measure/phase_times.hpp"

namespace pagoda::measure {
namespace {

constexpr std::chrono::seconds kEnough{1}; // of rounds
constexpr std::size_t kPhase = 512;        // operations that are timed together
constexpr std::size_t kSamples = 250;      // of the holding, at most

struct Place {
  std::optional<std::uint64_t> handle;
  std::uint64_t bytes = 0;
};

class Replay {
public:
  Replay(const AllocationTrace &trace, const ManagerKind &kind, std::uint64_t arena_bytes, PhaseTimes &times)
      : trace_(trace), manager_(kind.make(arena_bytes)), times_(times), places_(trace.ids) {
    figures_.name = kind.name;
    figures_.policy = kind.policy;
  }

  ReplayFigures run() {
    const std::size_t phases = (trace_.operations.size() + kPhase - 1) / kPhase;
    const std::size_t stride = phases / kSamples + 1;
    for (std::size_t phase = 0; phase < phases; ++phase) {
      const auto begin = trace_.operations.begin() + std::ptrdiff_t(phase * kPhase);
      const auto end =
          trace_.operations.begin() + std::ptrdiff_t(std::min(trace_.operations.size(), (phase + 1) * kPhase));
      times_.begin();
      for (auto operation = begin; operation != end; ++operation) step(*operation);
      times_.end(double(end - begin));
      if (phase % stride == 0 || phase + 1 == phases) sample();
    }
    give_back();
    figures_.internal = kept_ > 0 ? 1 - asked_ / kept_ : 0;
    figures_.external = free_ > 0 ? 1 - useful_ / free_ : 0;
    return figures_;
  }

private:
  void step(const AllocationOperation &operation) {
    Place &place = places_[operation.id];
    if (operation.bytes != 0) {
      place = {manager_->allocate(operation.bytes), operation.bytes};
      if (!place.handle) {
        ++figures_.failures;
        return;
      }
      ++figures_.allocations;
      requested_ += operation.bytes;
      figures_.peak_requested = std::max(figures_.peak_requested, requested_);
      return;
    }
    if (!place.handle) return;
    ++figures_.frees;
    requested_ -= place.bytes;
    manager_->free(*place.handle, place.bytes);
    place.handle.reset();
  }

  // What the trace leaves alive: a manager is destroyed with nothing in use.
  void give_back() {
    for (const Place &place : places_)
      if (place.handle) manager_->free(*place.handle, place.bytes);
  }

  void sample() {
    const Holding holding = manager_->holding();
    const std::uint64_t kept = holding.held + holding.overhead;
    figures_.peak_held = std::max(figures_.peak_held, kept);
    asked_ += double(std::min(requested_, kept));
    kept_ += double(kept);
    useful_ += double(holding.useful);
    free_ += double(holding.free);
  }

  const AllocationTrace &trace_;
  std::unique_ptr<Manager> manager_;
  PhaseTimes &times_;
  std::vector<Place> places_;
  ReplayFigures figures_;
  std::uint64_t requested_ = 0;
  double asked_ = 0, kept_ = 0, useful_ = 0, free_ = 0; // sums over the samples
};

} // namespace

ReplayFigures replay(const AllocationTrace &trace, const ManagerKind &kind, std::uint64_t arena_bytes,
                     unsigned rounds) {
  PhaseTimes times;
  ReplayFigures figures;
  const auto begin = PhaseTimes::Clock::now();
  unsigned round = 0;
  do figures = Replay(trace, kind, arena_bytes, times).run();
  while (++round < rounds && PhaseTimes::Clock::now() - begin < kEnough);
  figures.ns_per_operation = times.median();
  figures.spread = times.spread();
  return figures;
}

} // namespace pagoda::measure
