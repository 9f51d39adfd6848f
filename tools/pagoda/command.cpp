#include "tools/pagoda/command.hpp"

#include <array>

namespace pagoda::tools {
namespace {

constexpr std::array<Command, 4> kCommands{{
    {"run", "Run a Linux program in a virtual machine", "run [OPTIONS] PROGRAM [ARGS...]",
     "  pagoda run /bin/ls -l /etc\n"
     "  pagoda run --memory 512M --timeout 10s ./prog\n"
     "  pagoda run --stats python3 -c 'print(6 * 7)'\n"
     "  pagoda run --bind \"$PWD:/work:rw\" --workdir /work make\n"
     "  pagoda run --trace syscalls,faults --trace-file trace.txt -- ./prog --its-own-option\n",
     true, configure_run},
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
