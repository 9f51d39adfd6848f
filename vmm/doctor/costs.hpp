// What each kind of exit costs here: samples of one round trip each, reported as median, p10, p90.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pagoda::vmm {
class ProcessVm;
}

namespace pagoda::vmm::doctor {

struct Spread {
  std::uint64_t median_ns = 0, p10_ns = 0, p90_ns = 0;
  std::uint64_t samples = 0;
};
// Sorts the samples. All zero when there are none.
[[nodiscard]] Spread spread_of(std::vector<std::uint64_t> &samples);

struct ExitCost {
  std::string name;    // "system call"
  std::string meaning; // "CPL3, stub, VMM and back"
  Spread spread;
};

// On vCPU 0, from the calling thread, which must have adopted it. A cost that could not be measured
// is left out.
[[nodiscard]] std::vector<ExitCost> measure_costs(ProcessVm &vm, std::uint64_t samples);

} // namespace pagoda::vmm::doctor
