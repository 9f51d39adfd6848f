#include "tools/pagoda/command.hpp"

#include <array>

namespace pagoda::tools {
namespace {

constexpr std::array<Command, 15> kCommands{{
    {"run", "Run a Linux program in a virtual machine", "run [OPTIONS] PROGRAM [ARGS...]",
     "  pagoda run /bin/ls -l /etc\n"
     "  pagoda run --memory 512M --timeout 10s ./prog\n"
     "  pagoda run --cpus 4 --nodes 2 numactl --hardware\n"
     "  pagoda run --cpus 2 --nodes '1G@0;distance=10,21+512M@1;distance=21,10' --movable 256M ./prog\n"
     "  pagoda run --pmem store.img:64M ./prog\n"
     "  pagoda run --layout 32 --memory 2G cat /proc/self/maps /proc/meminfo\n"
     "  pagoda run --name web-1 ./server\n"
     "  pagoda run --stats python3 -c 'print(6 * 7)'\n"
     "  pagoda run --bind \"$PWD:/work:rw\" --workdir /work make\n"
     "  pagoda run --trace syscalls,faults --trace-file trace.txt -- ./prog --its-own-option\n",
     true, configure_run},
    {"ps", "List the virtual machines that you run", "ps [OPTIONS]",
     "  pagoda ps\n"
     "  pagoda ps --json\n"
     "  pagoda ps --quiet\n",
     false, configure_ps},
    {"stat", "Print what a running virtual machine has done so far", "stat [OPTIONS] [VM]",
     "  pagoda stat\n"
     "  pagoda stat 4711 --json\n"
     "  pagoda stat web-1 --interval 1s\n"
     "  pagoda stat web-1 --interval 500ms --count 10\n",
     false, configure_stat},
    {"buddyinfo", "Print the free blocks of a running machine by order", "buddyinfo [OPTIONS] [VM]",
     "  pagoda buddyinfo\n"
     "  pagoda buddyinfo web-1 --fragmentation\n"
     "  pagoda buddyinfo web-1 --json\n",
     false, configure_buddyinfo},
    {"zoneinfo", "Print the zones of a running machine's memory", "zoneinfo [OPTIONS] [VM]",
     "  pagoda zoneinfo\n"
     "  pagoda zoneinfo web-1 --json\n",
     false, configure_zoneinfo},
    {"pagetypeinfo", "Print free blocks and pageblocks by migratetype", "pagetypeinfo [OPTIONS] [VM]",
     "  pagoda pagetypeinfo\n"
     "  pagoda pagetypeinfo web-1 --json\n",
     false, configure_pagetypeinfo},
    {"slabinfo", "Print the slab caches of a running machine", "slabinfo [OPTIONS] [VM]",
     "  pagoda slabinfo\n"
     "  pagoda slabinfo web-1 --json\n",
     false, configure_slabinfo},
    {"vmallocinfo", "Print the areas that a running machine's kernel maps page by page", "vmallocinfo [OPTIONS] [VM]",
     "  pagoda vmallocinfo\n"
     "  pagoda vmallocinfo web-1 --json\n",
     false, configure_vmallocinfo},
    {"numa", "Print the nodes of a running machine and what landed where", "numa [OPTIONS] [VM]",
     "  pagoda numa\n"
     "  pagoda numa web-1 --json\n",
     false, configure_numa},
    {"pages", "Count the pages of a running machine by owner, zone or kind", "pages [OPTIONS] [VM]",
     "  pagoda pages --by owner\n"
     "  pagoda pages web-1 --by zone\n"
     "  pagoda pages web-1 --by kind --json\n",
     false, configure_pages},
    {"measure", "Measure the memory manager without a virtual machine", "measure alloc [OPTIONS] [TRACE]",
     "  pagoda measure alloc --help\n"
     "  pagoda measure alloc --generate 1\n",
     false, configure_measure},
    {"report", "Draw a report as one HTML file", "report memory [OPTIONS] [VM|FILE]",
     "  pagoda report memory --help\n"
     "  pagoda report memory web-1 -o web-1.html\n",
     false, configure_report},
    {"doctor", "Examine this host and prove that it can run guests", "doctor [OPTIONS]",
     "  pagoda doctor\n"
     "  pagoda doctor --json\n"
     "  pagoda doctor --edits 100000\n",
     false, configure_doctor},
    {"completion", "Print a completion script for a shell", "completion SHELL",
     "  source <(pagoda completion bash)\n"
     "  pagoda completion bash > /etc/bash_completion.d/pagoda\n",
     false, configure_completion},
    {"version", "Print the version", "version", "  pagoda version\n", false, configure_version},
}};

} // namespace

std::span<const Command> commands() { return kCommands; }

} // namespace pagoda::tools
