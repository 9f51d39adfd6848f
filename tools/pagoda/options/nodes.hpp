// The nodes of the guest as people type them.
//
//   NODES    = COUNT | NODE { "+" NODE }
//   NODE     = SIZE [ "@" CPUS ] [ ";distance=" DISTANCE { "," DISTANCE } ]
//   CPUS     = CPU [ "-" CPU ] { "," CPU [ "-" CPU ] }
//
// A COUNT divides memory and processors evenly. SIZE is as in --memory, a multiple of 2M; 0 is a node
// of processors alone. Without any "@" the processors are divided evenly; else each must be named
// once, and a node without "@" has none. The distances of a node go to every node in order, 10 to
// itself and 11 to 254 to the others; a row left out is taken from the others' rows, or is 20.
//
//   2        1G+1G        512M@0-1+512M@2-3        '1G@0;distance=10,21+1G@1;distance=21,10'
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "mmu/phys/topology.hpp"

namespace pagoda::tools {

struct NodesContext {
  std::optional<std::uint64_t> memory; // bytes, where --memory was given
  std::uint64_t default_memory = 0;    // for a count where it was not
  unsigned cpus = 1;
};

// The error is a sentence fragment that shows a right value; the caller puts the option in front.
[[nodiscard]] std::expected<phys::Topology, std::string> parse_nodes(std::string_view text,
                                                                     const NodesContext &context);
// Divides `memory` and `cpus` over `count` nodes.
[[nodiscard]] std::expected<phys::Topology, std::string> even_nodes(unsigned count, std::uint64_t memory,
                                                                    unsigned cpus);

} // namespace pagoda::tools
