#include <array>

#include "tools/pagoda/nested.hpp"

namespace pagoda::tools {

Action configure_measure_alloc(CLI::App &app);

namespace {

constexpr std::array<Command, 1> kMeasurements{{
    {"alloc", "Replay an allocation trace through memblock, buddy, slab and vmalloc: waste, failures, time",
     "measure alloc [OPTIONS] [TRACE]",
     "  pagoda measure alloc --generate 1\n"
     "  pagoda measure alloc --generate 1 --managers memblock --fit all\n"
     "  pagoda measure alloc --managers slab --slab slub --json recorded.trace\n"
     "  pagoda run --record-allocations recorded.trace ./prog && pagoda measure alloc recorded.trace\n"
     "  pagoda measure alloc --generate 7 --operations 50000 --write mine.trace\n",
     false, configure_measure_alloc},
}};

} // namespace

Action configure_measure(CLI::App &app) { return configure_nested(app, kMeasurements); }

} // namespace pagoda::tools
