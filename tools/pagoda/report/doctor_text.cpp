#include "tools/pagoda/report/doctor_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "tools/pagoda/report/human.hpp"

namespace pagoda::tools {
namespace {

using vmm::doctor::Capability;
using vmm::doctor::Proof;
using vmm::doctor::Report;

std::string host_text(const Report &r) {
  std::string text = "Host\n";
  const auto row = [&](std::string_view label, const std::string &value) {
    text += fmt::format("  {:<22}{}\n", label, value);
  };
  row("kind", fmt::format("{} ({}{})", vmm::name(r.kind), r.evidence,
                          r.kind_confirmed ? ", confirmed by a guest system call" : ", not confirmed by a guest"));
  row("kernel", r.kernel);
  row("processor", fmt::format("{}, {} online", r.processor, r.host_cpus));
  row("memory nodes", r.host_nodes.size() > 1
                          ? fmt::format("{}: a guest's nodes are bound to them", r.host_nodes.size())
                          : "1: a guest's nodes are not bound to any");
  if (r.tsc_khz != 0) row("time stamp counter", fmt::format("{:.1f} MHz", double(r.tsc_khz) / 1000));
  row("clock without an exit", r.vdso ? "yes (the host's vDSO is mapped for guests)" : "no");
  row("invalidation by", r.carrier);
  return text;
}

std::string cost_text(const Report &r) {
  if (r.costs.empty()) return {};
  std::size_t width = 4;
  for (const auto &cost : r.costs) width = std::max(width, cost.name.size());
  std::string text = fmt::format("\nExits on this {} host (round trip)\n  {:<{}}  {:>10}  {:>10}  {:>10}  {:>8}\n",
                                 vmm::name(r.kind), "kind", width, "median", "10 %", "90 %", "samples");
  for (const auto &cost : r.costs)
    text += fmt::format("  {:<{}}  {:>10}  {:>10}  {:>10}  {:>8}  {}\n", cost.name, width,
                        human_time(cost.spread.median_ns), human_time(cost.spread.p10_ns),
                        human_time(cost.spread.p90_ns), human_count(cost.spread.samples), cost.meaning);
  return text;
}

auto setup_parts(const vmm::SetupTimes &s) {
  return std::array<std::pair<const char *, std::uint64_t>, 9>{{{"probe", s.probe},
                                                                {"create_vm", s.create_vm},
                                                                {"backing", s.backing},
                                                                {"slots", s.slots},
                                                                {"carrier", s.carrier},
                                                                {"kernel_half", s.kernel_half},
                                                                {"vcpus", s.vcpus},
                                                                {"vdso", s.vdso},
                                                                {"total", s.total}}};
}

std::string setup_text(const Report &r) {
  std::string text = "\nSetting up a virtual machine\n ";
  for (const auto &[name, nanoseconds] : setup_parts(r.setup))
    text += fmt::format(" {} {},", name, human_time(nanoseconds));
  text.back() = '\n';
  return text;
}

std::string proof_text(const Proof &p) {
  std::string text = fmt::format("\nProof of invalidation by {}: {}\n", p.carrier, p.passed() ? "right" : "WRONG");
  if (!p.failure.empty()) return text + fmt::format("  could not be carried out: {}\n", p.failure);
  text += fmt::format("  {} random edits, {} guest accesses checked, {} of them faulted\n", human_count(p.edits),
                      human_count(p.accesses), human_count(p.faults));
  text += fmt::format("  {} wrong: {} stale and allowed, {} stale and denied, {} to another frame, {} other\n",
                      human_count(p.errors()), human_count(p.stale_allowed), human_count(p.stale_denied),
                      human_count(p.wrong_frame), human_count(p.unexpected));
  return text + fmt::format("  an edit with its flush takes {} (median), {} (90 %)\n", human_time(p.edit_median_ns),
                            human_time(p.edit_p90_ns));
}

} // namespace

bool healthy(const Report &report) {
  if (report.proof && !report.proof->passed()) return false;
  return std::ranges::none_of(report.capabilities, [](const Capability &c) { return c.needed && !c.present; });
}

std::string capability_text(std::span<const Capability> capabilities) {
  if (capabilities.empty()) return {};
  std::size_t width = 4;
  for (const Capability &c : capabilities) width = std::max(width, c.name.size());
  std::string text = "\nKVM capabilities\n";
  for (const Capability &c : capabilities) {
    const char *state = c.present ? "yes" : c.needed ? "MISSING" : "no";
    text += fmt::format("  {:<{}}  {:<8}{:<10}{}\n", c.name, width, state, c.needed ? "needed" : "optional", c.use);
  }
  return text;
}

std::string doctor_text(const Report &r) {
  std::string text = host_text(r) + capability_text(r.capabilities) + cost_text(r) + setup_text(r);
  if (r.proof) text += proof_text(*r.proof);
  return text + fmt::format("\nThis host {} run guests.\n", healthy(r) ? "can" : "cannot be trusted to");
}

} // namespace pagoda::tools
