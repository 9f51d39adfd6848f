// pagoda_bench_phys: frames and slab objects against what others offer; run by `tools/bench phys`.
//
//   pagoda_bench_phys [Google Benchmark's options]
//   pagoda_bench_phys fragmentation OPERATIONS SEED    prints "operations occupancy ours plain" a sample
//   pagoda_bench_phys slab-pairs BYTES COUNT           for a tool that counts instructions
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include <benchmark/benchmark.h>

#include "tools/benchmark/phys/arms.hpp"

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

int run_mode(std::string_view mode, std::string_view first, std::string_view second) {
  const auto a = number(first), b = number(second);
  if (a && b && mode == "fragmentation") return pagoda::bench::run_fragmentation(*a, *b);
  if (a && b && mode == "slab-pairs") return pagoda::bench::run_slab_pairs(*a, *b);
  std::fprintf(stderr, "pagoda_bench_phys: give `fragmentation OPERATIONS SEED` or `slab-pairs BYTES COUNT`\n");
  return 2;
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 4 && argv[1][0] != '-') return run_mode(argv[1], argv[2], argv[3]);
  pagoda::bench::register_frame_arms();
  pagoda::bench::register_slab_arms();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
