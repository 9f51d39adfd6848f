#include "vmm/host_nodes.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pagoda::vmm {
namespace {

constexpr unsigned kHostNodeLimit = 1024; // CONFIG_NODES_SHIFT of distributions' kernels

// "0-1,4".
std::vector<unsigned> parse_list(std::string_view text) {
  std::vector<unsigned> numbers;
  const char *at = text.data();
  const char *const end = at + text.size();
  while (at < end) {
    unsigned first = 0;
    const auto [behind, error] = std::from_chars(at, end, first);
    if (error != std::errc{}) break;
    unsigned last = first;
    at = behind;
    if (at < end && *at == '-') at = std::from_chars(at + 1, end, last).ptr;
    for (unsigned number = first; number <= last && number < kHostNodeLimit; ++number) numbers.push_back(number);
    if (at == end || *at != ',') break;
    ++at;
  }
  return numbers;
}

// The system call itself: libnuma reads /sys and /proc when a program starts, which every guest would pay.
int bind_range(std::byte *begin, std::uint64_t bytes, unsigned node) {
  std::array<unsigned long, kHostNodeLimit / 64> mask{};
  mask[node / 64] = 1ul << (node % 64);
  const long result = ::syscall(SYS_mbind, begin, bytes, MPOL_BIND, mask.data(), kHostNodeLimit + 1, 0);
  return result == 0 ? 0 : errno;
}

} // namespace

std::vector<unsigned> host_memory_nodes(const std::string &directory) {
  std::ifstream file(directory + "/has_memory");
  std::string line;
  std::getline(file, line);
  std::vector<unsigned> nodes = parse_list(line);
  if (nodes.empty()) nodes.push_back(0);
  return nodes;
}

NodeBinding bind_nodes(const phys::Topology &topology, std::byte *base, std::vector<unsigned> host_nodes) {
  NodeBinding binding{.host_nodes = std::move(host_nodes), .bound = {}, .problem = {}};
  if (binding.host_nodes.size() < 2 || topology.nodes.size() < 2) return binding;
  for (const phys::ZoneSpan &span : phys::zone_spans(topology)) {
    const unsigned host = binding.host_nodes[span.node % binding.host_nodes.size()];
    for (const GfnRange &frames : span.frames) {
      const std::uint64_t bytes = (frames.end - frames.begin) << kPageShift;
      if (const int error = bind_range(base + frames.begin.gpa().value(), bytes, host); error != 0) {
        binding.problem = fmt::format("the host does not bind memory to its node {}: {}", host, std::strerror(error));
        return binding;
      }
    }
    if (const NodeBinding::Bound bound{span.node, host}; binding.bound.empty() || binding.bound.back() != bound)
      binding.bound.push_back(bound);
  }
  return binding;
}

std::string NodeBinding::text() const {
  if (!problem.empty()) return problem;
  if (host_nodes.size() < 2) return "this host has one memory node: a guest's nodes are not bound to any";
  if (bound.empty())
    return fmt::format("this host has {} memory nodes; a guest of one node is not bound", host_nodes.size());
  std::string text = "guest on host nodes:";
  for (const Bound &pair : bound) text += fmt::format(" {} on {}", pair.guest, pair.host);
  return text;
}

} // namespace pagoda::vmm
