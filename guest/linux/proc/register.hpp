// The parts of /proc and /sys, each registered by the file that makes its content.
#pragma once

#include "guest/linux/fs/synthetic.hpp"

namespace pagoda::kernel {

void add_process_files(SyntheticTree &proc); // process_files.cpp
void add_memory_files(SyntheticTree &proc);  // memory_files.cpp: meminfo, vmstat, zoneinfo, slabinfo…
void add_machine_files(SyntheticTree &proc); // machine_files.cpp: stat, uptime, loadavg, version…
void add_cpuinfo(SyntheticTree &proc);       // cpuinfo.cpp
void add_sysctl(SyntheticTree &proc);        // sysctl.cpp: sys/kernel, sys/vm, sys/fs
void add_nodes(SyntheticTree &sys);          // node_files.cpp: devices/system/node

} // namespace pagoda::kernel
