// Keys are stable, as in report/json.cpp. Times in ns.
#include <nlohmann/json.hpp>

#include "tools/pagoda/report/doctor_text.hpp"

namespace pagoda::tools {
namespace {

using Json = nlohmann::ordered_json;

Json capabilities(const vmm::doctor::Report &r) {
  Json list = Json::array();
  for (const auto &c : r.capabilities)
    list.push_back(
        {{"name", c.name}, {"use", c.use}, {"needed", c.needed}, {"present", c.present}, {"value", c.value}});
  return list;
}

Json costs(const vmm::doctor::Report &r) {
  Json list = Json::array();
  for (const auto &c : r.costs)
    list.push_back({{"name", c.name},
                    {"meaning", c.meaning},
                    {"median_ns", c.spread.median_ns},
                    {"p10_ns", c.spread.p10_ns},
                    {"p90_ns", c.spread.p90_ns},
                    {"samples", c.spread.samples}});
  return list;
}

Json setup(const vmm::SetupTimes &s) {
  return {{"probe", s.probe}, {"create_vm", s.create_vm}, {"backing", s.backing},
          {"slots", s.slots}, {"carrier", s.carrier},     {"kernel_half", s.kernel_half},
          {"vcpus", s.vcpus}, {"vdso", s.vdso},           {"total", s.total}};
}

Json proof(const vmm::doctor::Report &r) {
  if (!r.proof) return nullptr;
  const auto &p = *r.proof;
  return {{"carrier", p.carrier},           {"passed", p.passed()},
          {"failure", p.failure},           {"edits", p.edits},
          {"accesses", p.accesses},         {"faults", p.faults},
          {"errors", p.errors()},           {"stale_allowed", p.stale_allowed},
          {"stale_denied", p.stale_denied}, {"wrong_frame", p.wrong_frame},
          {"unexpected", p.unexpected},     {"edit_median_ns", p.edit_median_ns},
          {"edit_p90_ns", p.edit_p90_ns}};
}

} // namespace

std::string doctor_json(const vmm::doctor::Report &r) {
  const Json object = {{"healthy", healthy(r)},
                       {"host",
                        {{"kind", vmm::name(r.kind)},
                         {"evidence", r.evidence},
                         {"confirmed", r.kind_confirmed},
                         {"kernel", r.kernel},
                         {"processor", r.processor},
                         {"cpus", r.host_cpus},
                         {"memory_nodes", r.host_nodes},
                         {"tsc_khz", r.tsc_khz},
                         {"vdso", r.vdso}}},
                       {"capabilities", capabilities(r)},
                       {"exit_costs", costs(r)},
                       {"setup_ns", setup(r.setup)},
                       {"carrier", r.carrier},
                       {"proof", proof(r)}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace pagoda::tools
