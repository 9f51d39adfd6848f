#include <cstdio>
#include <unistd.h>

#include "vmm/control/asks/asks.hpp"

namespace pagoda::vmm::control {
namespace {

// Host memory that this process has, guest pages and the manager's own (proc_pid_statm(5)).
std::uint64_t resident_bytes() {
  unsigned long long size = 0, resident = 0;
  std::FILE *file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  const int fields = std::fscanf(file, "%llu %llu", &size, &resident);
  std::fclose(file);
  return fields == 2 ? resident * std::uint64_t(::sysconf(_SC_PAGESIZE)) : 0;
}

Json vm_figures(const Subject &vm) {
  const phys::Counters frames = vm.kernel.platform().memory.counters();
  return {{"id", vm.id},
          {"name", vm.name.empty() ? Json() : Json(vm.name)},
          {"pid", ::getpid()},
          {"program", vm.program},
          {"arguments", vm.arguments},
          {"host_kind", vmm::name(vm.host_kind)},
          {"cpus", vm.kernel.platform().cpus.size()},
          {"uptime_ns", vm.kernel.now_ns()},
          {"memory",
           {{"bytes", vm.memory_bytes},
            {"used_bytes", (frames.managed - frames.free) << kPageShift},
            {"resident_bytes", resident_bytes()}}}};
}

} // namespace

Handler vm_handler(const SharedSubject &subject) {
  return {"vm", "what it is: id, name, process, program, memory, vCPUs, uptime",
          [subject](const Json &) -> Answer { return vm_figures(*subject); }};
}

} // namespace pagoda::vmm::control
