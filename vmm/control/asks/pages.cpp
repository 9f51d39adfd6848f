// {"by":"owner"|"zone"|"kind"}: frames in use, counted that way.
#include <fmt/format.h>

#include "guest/linux/proc/memory_snapshot.hpp"
#include "vmm/control/asks/asks.hpp"
#include "vmm/control/asks/page_owners.hpp"
#include "vmm/control/figures_json.hpp"

namespace pagoda::vmm::control {
namespace {

constexpr std::size_t kFree = std::size_t(phys::FrameKind::Free);

// Not every owner is a process, and a process may have ended.
std::string unnamed(phys::Owner owner) {
  return owner == 0 ? "shared, or the VM's own" : fmt::format("space {}", owner);
}

PageRows by_owner(const Subject &vm) {
  const auto names = owner_names(vm.kernel);
  PageRows rows;
  for (const auto &[owner, counts] : pages_by_owner(vm.kernel.platform().memory)) {
    const auto named = names.find(owner);
    rows.emplace_back(named == names.end() ? unnamed(owner) : named->second, counts);
  }
  return rows;
}

PageRows by_zone(const Subject &vm) {
  PageRows rows;
  for (const phys::ZoneFigures &zone : kernel::memory_snapshot(vm.kernel).memory.zones) {
    KindCounts counts = zone.by_kind;
    counts[kFree] = zone.free + zone.per_cpu_frames;
    rows.emplace_back(fmt::format("node {} {}", zone.node, phys::name(zone.type)), counts);
  }
  return rows;
}

PageRows by_kind(const Subject &vm) {
  const phys::Counters counters = kernel::memory_snapshot(vm.kernel).memory.counters;
  PageRows rows;
  for (unsigned i = 0; i < phys::kFrameKinds; ++i) {
    const std::uint64_t frames = i == kFree ? counters.free : counters.by_kind[i];
    if (frames == 0) continue;
    KindCounts counts{};
    counts[i] = frames;
    rows.emplace_back(phys::name(phys::FrameKind(i)), counts);
  }
  return rows;
}

Json rows_json(const std::string &by, const PageRows &rows) {
  Json list = Json::array();
  for (const auto &[name, counts] : rows) {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts) sum += count;
    list.push_back({{by, name}, {"frames", sum}, {"by_kind", kinds_json(counts)}});
  }
  return {{"by", by}, {"rows", std::move(list)}};
}

} // namespace

Handler pages_handler(const SharedSubject &subject) {
  return {"pages", R"(frames in use, "by" owner, zone or kind)", [subject](const Json &with) -> Answer {
            const auto by = word_argument(with, "by", "owner");
            if (!by) return std::unexpected(by.error());
            PageRows rows;
            if (*by == "owner")
              rows = by_owner(*subject);
            else if (*by == "zone")
              rows = by_zone(*subject);
            else if (*by == "kind")
              rows = by_kind(*subject);
            else
              return std::unexpected(Refusal{fmt::format("pages are not counted by \"{}\"", *by),
                                             R"(give "by":"owner", "zone" or "kind")"});
            const std::string text = *by == "kind" ? kinds_text(rows) : pages_text(*by, rows);
            return Json{{"text", text}, {"figures", rows_json(*by, rows)}};
          }};
}

} // namespace pagoda::vmm::control
