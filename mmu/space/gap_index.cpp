#include "mmu/space/gap_index.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace pagoda::space {

struct GapIndex::Node {
  Gva area;
  GvaRange gap;
  std::uint64_t priority = 0;
  std::uint64_t longest = 0; // of this node and all below it, bytes
  Link low, high;

  void summarise() {
    longest = gap.length();
    if (low) longest = std::max(longest, low->longest);
    if (high) longest = std::max(longest, high->longest);
  }
};

GapIndex::GapIndex() = default;
GapIndex::~GapIndex() = default; // as deep as the tree: logarithmic

void GapIndex::split(Link tree, Gva area, Link &below, Link &rest) {
  if (!tree) {
    below = nullptr;
    rest = nullptr;
    return;
  }
  if (tree->area < area) {
    Link high = std::move(tree->high);
    split(std::move(high), area, tree->high, rest);
    tree->summarise();
    below = std::move(tree);
  } else {
    Link low = std::move(tree->low);
    split(std::move(low), area, below, tree->low);
    tree->summarise();
    rest = std::move(tree);
  }
}

GapIndex::Link GapIndex::join(Link below, Link above) {
  if (!below) return above;
  if (!above) return below;
  if (below->priority > above->priority) {
    below->high = join(std::move(below->high), std::move(above));
    below->summarise();
    return below;
  }
  above->low = join(std::move(below), std::move(above->low));
  above->summarise();
  return above;
}

void GapIndex::insert(Link &link, Link node) {
  if (!link || link->priority < node->priority) {
    Link tree = std::move(link);
    split(std::move(tree), node->area, node->low, node->high);
    link = std::move(node);
  } else {
    Link &side = node->area < link->area ? link->low : link->high;
    insert(side, std::move(node));
  }
  link->summarise();
}

void GapIndex::remove(Link &link, Gva area) {
  if (!link) return;
  if (link->area == area) {
    Link low = std::move(link->low);
    Link high = std::move(link->high);
    link = join(std::move(low), std::move(high));
    return;
  }
  remove(area < link->area ? link->low : link->high, area);
  link->summarise();
}

void GapIndex::set(Gva area, GvaRange gap) {
  erase(area);
  if (gap.empty()) return;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  auto node = std::make_unique<Node>();
  node->area = area;
  node->gap = gap;
  node->priority = random_;
  insert(root_, std::move(node));
}

void GapIndex::erase(Gva area) { remove(root_, area); }

std::optional<Gva> fit_highest(GvaRange gap, GvaRange limit, std::uint64_t length, std::uint64_t alignment) {
  const Gva floor = std::max(gap.begin, limit.begin);
  const Gva ceiling = std::min(gap.end, limit.end);
  if (!(floor < ceiling) || length > ceiling - floor) return std::nullopt;
  const Gva candidate((ceiling - length).value() & ~(alignment - 1));
  return floor <= candidate ? std::optional(candidate) : std::nullopt;
}

std::optional<Gva> GapIndex::highest(std::uint64_t length, GvaRange limit, std::uint64_t alignment) const {
  const auto search = [&](const auto &self, const Node *node) -> std::optional<Gva> {
    if (node == nullptr || node->longest < length) return std::nullopt;
    // Everything above this node lies above its gap, everything below it below.
    if (node->gap.end < limit.end)
      if (const auto found = self(self, node->high.get())) return found;
    if (const auto found = fit_highest(node->gap, limit, length, alignment)) return found;
    return limit.begin < node->gap.begin ? self(self, node->low.get()) : std::nullopt;
  };
  return search(search, root_.get());
}

void GapIndex::for_each(const std::function<void(Gva, GvaRange)> &visit) const {
  const auto walk = [&](const auto &self, const Node *node) -> void {
    if (node == nullptr) return;
    self(self, node->low.get());
    visit(node->area, node->gap);
    self(self, node->high.get());
  };
  walk(walk, root_.get());
}

std::string GapIndex::invariant() const {
  std::string broken;
  std::optional<Gva> previous;
  const auto check = [&](const auto &self, const Node *node) -> std::uint64_t {
    if (node == nullptr) return 0;
    const std::uint64_t low = self(self, node->low.get());
    if (previous && *previous >= node->area) broken = fmt::format("gap of {:#x} is out of order", node->area.value());
    previous = node->area;
    const std::uint64_t high = self(self, node->high.get());
    for (const Node *child : {node->low.get(), node->high.get()})
      if (child != nullptr && child->priority > node->priority)
        broken = fmt::format("gap of {:#x} is out of heap order", child->area.value());
    const std::uint64_t longest = std::max({low, high, node->gap.length()});
    if (longest != node->longest) broken = fmt::format("gap of {:#x} has a wrong summary", node->area.value());
    return longest;
  };
  check(check, root_.get());
  return broken;
}

} // namespace pagoda::space
