#include "tools/pagoda/session/stat_handler.hpp"

#include "tools/pagoda/report/json.hpp"
#include "vmm/host_nodes.hpp"

namespace pagoda::tools {
namespace {

RunReport live_report(const RunOptions &options, kernel::Kernel &kernel, vmm::ProcessVm &vm) {
  RunReport report = collect(kernel);
  collect_spaces(kernel, report);
  report.running = true;
  report.program = options.program;
  report.host_kind = std::string(vmm::name(vm.host_kind()));
  report.node_binding = vm.node_binding().text();
  report.memory_bytes = options.memory;
  report.setup_ns = vm.setup_times().total;
  report.wall_ns = kernel.now_ns();
  return report;
}

} // namespace

vmm::control::Handler stat_handler(const RunOptions &options, kernel::Kernel &kernel, vmm::ProcessVm &vm) {
  return {"stat", "exits, faults, memory, flushes and system calls since it began",
          [&](const vmm::control::Json &) -> vmm::control::Answer {
            const RunReport report = live_report(options, kernel, vm);
            return vmm::control::Json{{"text", report_text(report)}, {"figures", report_object(report)}};
          }};
}

} // namespace pagoda::tools
