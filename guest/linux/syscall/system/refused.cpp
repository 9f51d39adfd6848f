#include "guest/linux/syscall/system/refused.hpp"

#include <array>
#include <cerrno>

namespace pagoda::kernel {

namespace {

template <int Errno> SysResult refuse(Call & /*call*/) { return SysResult::error(Errno); }

constexpr Handler kDenied = refuse<EPERM>;  // the machine is not the guest's to change
constexpr Handler kAbsent = refuse<ENOSYS>; // removed from Linux, or not built into many kernels

constexpr auto kRefused = std::to_array<SyscallEntry>({
    {101, "ptrace", kDenied, "xdpx"},
    {103, "syslog", kDenied, "dpd"},
    {134, "uselib", kAbsent, "s"},
    {139, "sysfs", kAbsent, "dxp"},
    {153, "vhangup", kDenied, ""},
    {154, "modify_ldt", kAbsent, "dpu"},
    {156, "_sysctl", kAbsent, "p"},
    {163, "acct", kDenied, "s"},
    {167, "swapon", kDenied, "sx"},
    {168, "swapoff", kDenied, "s"},
    {169, "reboot", kDenied, "xxxp"},
    {172, "iopl", kDenied, "u"},
    {173, "ioperm", kDenied, "xud"},
    {174, "create_module", kAbsent, "su"},
    {175, "init_module", kDenied, "pus"},
    {176, "delete_module", kDenied, "sx"},
    {177, "get_kernel_syms", kAbsent, "p"},
    {178, "query_module", kAbsent, "sdpup"},
    {179, "quotactl", kDenied, "xsdp"},
    {180, "nfsservctl", kAbsent, "dpp"},
    {181, "getpmsg", kAbsent, ""},
    {182, "putpmsg", kAbsent, ""},
    {183, "afs_syscall", kAbsent, ""},
    {184, "tuxcall", kAbsent, ""},
    {185, "security", kAbsent, ""},
    {205, "set_thread_area", kAbsent, "p"},
    {211, "get_thread_area", kAbsent, "p"},
    {212, "lookup_dcookie", kDenied, "xpu"},
    {214, "epoll_ctl_old", kAbsent, ""},
    {215, "epoll_wait_old", kAbsent, ""},
    {236, "vserver", kAbsent, ""},
    {246, "kexec_load", kDenied, "xupx"},
    {248, "add_key", kDenied, "sspud"},
    {249, "request_key", kDenied, "sssd"},
    {250, "keyctl", kDenied, "dxxxx"},
    {298, "perf_event_open", kDenied, "pddfx"},
    {300, "fanotify_init", kDenied, "xx"},
    {301, "fanotify_mark", kDenied, "fxxfs"},
    {312, "kcmp", kDenied, "dddxx"},
    {313, "finit_module", kDenied, "fsx"},
    {320, "kexec_file_load", kDenied, "ffusx"},
    {321, "bpf", kDenied, "dpu"},
    {323, "userfaultfd", kAbsent, "x"},
    {425, "io_uring_setup", kAbsent, "up"},
    {426, "io_uring_enter", kAbsent, "fuuxpu"},
    {427, "io_uring_register", kAbsent, "fupu"},
    {443, "quotactl_fd", kDenied, "fudp"},
    {444, "landlock_create_ruleset", kAbsent, "pux"},
    {445, "landlock_add_rule", kAbsent, "fdpx"},
    {446, "landlock_restrict_self", kAbsent, "fx"},
    {447, "memfd_secret", kAbsent, "x"},
});

} // namespace

std::span<const SyscallEntry> refused_calls() { return kRefused; }

} // namespace pagoda::kernel
