// /proc/PID/status.
#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <iterator>

#include "guest/linux/proc/bitmap_text.hpp"
#include "guest/linux/proc/process_text.hpp"
#include "guest/linux/syscall/identity/credential_rules.hpp"

namespace pagoda::kernel {

namespace {

std::string_view state_words(char state) {
  switch (state) {
  case 'R': return "R (running)";
  case 'S': return "S (sleeping)";
  case 'T': return "T (stopped)";
  case 'Z': return "Z (zombie)";
  default: return "X (dead)";
  }
}

// Backslashes and newlines in a name would break the line.
std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '\n')
      text += "\\n";
    else if (c == '\\')
      text += "\\\\";
    else
      text += c;
  }
  return text;
}

using Out = std::back_insert_iterator<std::string>;

void append_memory(Out out, const space::Usage &u, const ImageLayout &image) {
  // Executable pages are the program's own or its libraries'.
  const std::uint64_t program =
      std::min(u.text_pages, (image.code_end.page_ceil() - image.code_begin.page_floor()) >> kPageShift);
  const auto row = [&](std::string_view label, std::uint64_t pages) {
    fmt::format_to(out, "{}:\t{:8} kB\n", label, pages << (kPageShift - 10));
  };
  row("VmPeak", u.peak_virtual);
  row("VmSize", u.virtual_pages);
  row("VmLck", 0);
  row("VmPin", 0);
  row("VmHWM", u.peak_resident);
  row("VmRSS", u.resident_pages);
  row("RssAnon", u.resident_pages - u.resident_file - u.resident_shared);
  row("RssFile", u.resident_file);
  row("RssShmem", u.resident_shared);
  row("VmData", u.data_pages);
  row("VmStk", u.stack_pages);
  row("VmExe", program);
  row("VmLib", u.text_pages - program);
  row("VmPTE", u.table_pages);
  row("VmSwap", 0);
  row("HugetlbPages", 0);
  fmt::format_to(out, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

void append_identity(Out out, const ProcessFigures &f) {
  const Credentials &c = f.credentials;
  fmt::format_to(out, "Uid:\t{}\t{}\t{}\t{}\n", c.uid, c.euid, c.suid, c.fsuid);
  fmt::format_to(out, "Gid:\t{}\t{}\t{}\t{}\n", c.gid, c.egid, c.sgid, c.fsgid);
  const auto open = f.fds ? f.fds->open_descriptors() : std::vector<int>{};
  const unsigned highest = open.empty() ? 0 : unsigned(open.back());
  fmt::format_to(out, "FDSize:\t{}\nGroups:\t", f.zombie ? 0 : std::max(64u, std::bit_ceil(highest + 1)));
  for (const std::uint32_t group : c.groups) fmt::format_to(out, "{} ", group);
  fmt::format_to(out, "\nNStgid:\t{}\nNSpid:\t{}\nNSpgid:\t{}\nNSsid:\t{}\n", f.pid, f.thread.tid, f.group, f.session);
}

void append_signals(Out out, const ProcessFigures &f) {
  fmt::format_to(out, "Threads:\t{}\n", f.threads);
  fmt::format_to(out, "SigQ:\t{}/{}\n", f.queued_signals, f.limits[RLIMIT_SIGPENDING].rlim_cur);
  fmt::format_to(out, "SigPnd:\t{:016x}\nShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\n",
                 f.thread.pending, f.pending, f.thread.blocked, f.ignored, f.caught);
}

void append_capabilities(Out out, const Credentials &credentials) {
  const CapabilitySets sets = capabilities(credentials);
  fmt::format_to(out, "CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\nCapBnd:\t{:016x}\nCapAmb:\t{:016x}\n",
                 sets.inheritable, sets.permitted, sets.effective, kAllCapabilities, 0);
}

} // namespace

std::string status_text(const ProcessFigures &f) {
  std::string text;
  const Out out = std::back_inserter(text);
  fmt::format_to(out, "Name:\t{}\nUmask:\t{:04o}\nState:\t{}\n", escaped(f.thread.name), unsigned(f.umask),
                 state_words(f.thread.state));
  fmt::format_to(out, "Tgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0\n", f.pid, f.thread.tid, f.parent);
  append_identity(out, f);
  if (f.space) append_memory(out, f.space->usage(), f.image);
  append_signals(out, f);
  append_capabilities(out, f.credentials);
  fmt::format_to(out, "NoNewPrivs:\t{}\nSeccomp:\t0\nSeccomp_filters:\t0\n", f.no_new_privileges ? 1 : 0);
  const std::uint64_t present = f.cpus >= 64 ? ~0ull : (1ull << f.cpus) - 1;
  const std::uint64_t allowed = f.thread.affinity & present;
  fmt::format_to(out, "Cpus_allowed:\t{:x}\nCpus_allowed_list:\t{}\n", allowed, list_text(allowed));
  // libnuma takes the width for how many nodes a mask must have room for.
  fmt::format_to(out, "Mems_allowed:\t{}\nMems_allowed_list:\t{}\n", bitmap_text(f.nodes.bits(), phys::kMaxNodes),
                 list_text(f.nodes.bits()));
  fmt::format_to(out, "voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n", f.thread.voluntary_switches,
                 f.thread.involuntary_switches);
  return text;
}

} // namespace pagoda::kernel
