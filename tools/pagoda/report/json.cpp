// Keys are stable: they may be added to, never renamed. Times in ns, sizes in bytes, the rest counts.
#include "tools/pagoda/report/json.hpp"

namespace pagoda::tools {
namespace {

using Json = nlohmann::ordered_json;

Json counts(const std::vector<NamedCount> &list) {
  Json object = Json::object();
  for (const NamedCount &item : list) object[item.name] = item.count;
  return object;
}

Json memory(const RunReport &r) {
  return {{"bytes", r.memory_bytes},
          {"peak_virtual_bytes", r.peak_virtual_pages << 12},
          {"peak_resident_bytes", r.peak_resident_pages << 12},
          {"peak_resident_file_bytes", r.peak_file_pages << 12},
          {"peak_table_pages", r.peak_table_pages},
          {"pages_mapped", {{"4K", r.fault_pages}}},
          {"frames",
           {{"managed", r.frames_managed},
            {"free", r.frames_free},
            {"allocations", r.frame_allocations},
            {"frees", r.frame_frees},
            {"failures", r.frame_failures},
            {"free_blocks", r.free_blocks}}}};
}

} // namespace

Json report_object(const RunReport &r) {
  return {{"program", r.program},
          {"running", r.running},
          {"exit_code", r.running ? Json() : Json(r.exit_code)},
          {"host_kind", r.host_kind},
          {"cpus", r.cpus},
          {"nodes", {{"count", r.nodes}, {"binding", r.node_binding}}},
          {"time_ns", {{"wall", r.wall_ns}, {"setup", r.setup_ns}, {"guest", r.guest_ns}, {"host", r.host_ns}}},
          {"exits", counts(r.exits)},
          {"exceptions", counts(r.exceptions)},
          {"faults", counts(r.faults)},
          {"host_faults", r.host_faults},
          {"memory", memory(r)},
          {"flushes",
           {{"batches", r.flush_batches},
            {"leaves", r.flush_leaves},
            {"full", r.flush_full},
            {"quarantined_tables", r.quarantined_tables}}},
          {"syscalls", {{"total", r.syscall_total}, {"by_name", counts(r.syscalls)}, {"unknown", counts(r.unknown)}}},
          {"tasks",
           {{"processes", r.processes},
            {"threads", r.threads},
            {"signals", r.signals},
            {"context_switches", r.context_switches},
            {"preemptions", r.preemptions}}}};
}

std::string report_json(const RunReport &r) {
  // A program's name may be any bytes; what is not UTF-8 is replaced rather than refused.
  return report_object(r).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace pagoda::tools
