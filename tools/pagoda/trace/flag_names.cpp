#include "tools/pagoda/trace/flag_names.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <span>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

namespace pagoda::tools {
namespace {

struct Name {
  std::uint64_t value;
  const char *text;
};

// `choices`: values of the field under `mask`, of which one holds; `bits`: flags beside it.
struct Names {
  std::uint64_t mask = 0;
  std::span<const Name> choices{};
  std::span<const Name> bits{};
};

#define N(x)                                                                                                           \
  Name { std::uint64_t(x), #x }

constexpr std::array kAccessModes{N(O_RDONLY), N(O_WRONLY), N(O_RDWR)};
// Flags that contain others (O_SYNC holds O_DSYNC, O_TMPFILE holds O_DIRECTORY) stand before them.
constexpr std::array kOpenBits{N(O_CREAT),    N(O_EXCL),    N(O_NOCTTY), N(O_TRUNC),   N(O_APPEND),
                               N(O_NONBLOCK), N(O_SYNC),    N(O_DSYNC),  N(O_TMPFILE), N(O_DIRECTORY),
                               N(O_NOFOLLOW), N(O_CLOEXEC), N(O_PATH),   N(O_DIRECT),  N(O_NOATIME)};
constexpr std::array kProtNone{N(PROT_NONE)};
constexpr std::array kProtBits{N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), N(PROT_GROWSDOWN)};
constexpr std::array kMapKinds{N(MAP_SHARED), N(MAP_PRIVATE), N(MAP_SHARED_VALIDATE)};
constexpr std::array kMapBits{N(MAP_FIXED),   N(MAP_ANONYMOUS),      N(MAP_NORESERVE), N(MAP_GROWSDOWN),
                              N(MAP_STACK),   N(MAP_POPULATE),       N(MAP_DENYWRITE), N(MAP_LOCKED),
                              N(MAP_HUGETLB), N(MAP_FIXED_NOREPLACE)};
constexpr std::array kRemapNone{Name{0, "0"}};
constexpr std::array kRemapBits{N(MREMAP_MAYMOVE), N(MREMAP_FIXED), N(MREMAP_DONTUNMAP)};
constexpr std::array kAdvice{N(MADV_NORMAL),   N(MADV_RANDOM),     N(MADV_SEQUENTIAL), N(MADV_WILLNEED),
                             N(MADV_DONTNEED), N(MADV_FREE),       N(MADV_DONTFORK),   N(MADV_DOFORK),
                             N(MADV_HUGEPAGE), N(MADV_NOHUGEPAGE), N(MADV_COLD),       N(MADV_PAGEOUT),
                             N(MADV_DONTDUMP), N(MADV_WIPEONFORK)};
constexpr std::array kWhence{N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE)};
constexpr std::array kClocks{N(CLOCK_REALTIME),          N(CLOCK_MONOTONIC),     N(CLOCK_PROCESS_CPUTIME_ID),
                             N(CLOCK_THREAD_CPUTIME_ID), N(CLOCK_MONOTONIC_RAW), N(CLOCK_REALTIME_COARSE),
                             N(CLOCK_MONOTONIC_COARSE),  N(CLOCK_BOOTTIME)};
constexpr std::array kCloneBits{N(CLONE_VM),
                                N(CLONE_FS),
                                N(CLONE_FILES),
                                N(CLONE_SIGHAND),
                                N(CLONE_VFORK),
                                N(CLONE_PARENT),
                                N(CLONE_THREAD),
                                N(CLONE_SYSVSEM),
                                N(CLONE_SETTLS),
                                N(CLONE_PARENT_SETTID),
                                N(CLONE_CHILD_CLEARTID),
                                N(CLONE_CHILD_SETTID),
                                N(CLONE_UNTRACED),
                                N(CLONE_NEWNS),
                                N(CLONE_NEWUSER),
                                N(CLONE_NEWPID)};
constexpr std::array kCloneSignals{Name{0, "0"}, Name{17, "SIGCHLD"}};
constexpr std::array kDomains{N(AF_UNSPEC), N(AF_UNIX), N(AF_INET), N(AF_INET6), N(AF_NETLINK)};
constexpr std::array kSocketTypes{N(SOCK_STREAM), N(SOCK_DGRAM), N(SOCK_RAW), N(SOCK_SEQPACKET)};
constexpr std::array kSocketBits{N(SOCK_CLOEXEC), N(SOCK_NONBLOCK)};
constexpr std::array kZero{Name{0, "0"}};
constexpr std::array kWaitBits{N(WNOHANG), N(WUNTRACED), N(WCONTINUED)};
constexpr std::array kAtBits{N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR), N(AT_SYMLINK_FOLLOW), N(AT_NO_AUTOMOUNT),
                             N(AT_EMPTY_PATH)};
constexpr std::array kPipeBits{N(O_CLOEXEC), N(O_NONBLOCK), N(O_DIRECT)};
constexpr std::array kAccessBits{N(R_OK), N(W_OK), N(X_OK)};
constexpr std::array kAccessNone{N(F_OK)};
constexpr std::array kMaskHow{Name{0, "SIG_BLOCK"}, Name{1, "SIG_UNBLOCK"}, Name{2, "SIG_SETMASK"}};
constexpr std::array kFcntl{N(F_DUPFD),
                            N(F_GETFD),
                            N(F_SETFD),
                            N(F_GETFL),
                            N(F_SETFL),
                            N(F_GETLK),
                            N(F_SETLK),
                            N(F_SETLKW),
                            N(F_DUPFD_CLOEXEC),
                            Name{1031, "F_SETPIPE_SZ"},
                            Name{1032, "F_GETPIPE_SZ"}};
constexpr std::array kFutexOps{
    Name{0, "FUTEX_WAIT"},        Name{1, "FUTEX_WAKE"},        Name{3, "FUTEX_REQUEUE"},
    Name{4, "FUTEX_CMP_REQUEUE"}, Name{5, "FUTEX_WAKE_OP"},     Name{6, "FUTEX_LOCK_PI"},
    Name{7, "FUTEX_UNLOCK_PI"},   Name{9, "FUTEX_WAIT_BITSET"}, Name{10, "FUTEX_WAKE_BITSET"}};
constexpr std::array kFutexBits{Name{128, "FUTEX_PRIVATE_FLAG"}, Name{256, "FUTEX_CLOCK_REALTIME"}};
constexpr std::array kArch{Name{0x1001, "ARCH_SET_GS"}, Name{0x1002, "ARCH_SET_FS"}, Name{0x1003, "ARCH_GET_FS"},
                           Name{0x1004, "ARCH_GET_GS"}};
#undef N

struct Row {
  std::string_view call;
  unsigned index;
  Names names;
};

constexpr std::uint64_t kAll = ~0ull;
constexpr std::array kRows{
    Row{"open", 1, {O_ACCMODE, kAccessModes, kOpenBits}},
    Row{"openat", 2, {O_ACCMODE, kAccessModes, kOpenBits}},
    Row{"mmap", 2, {kAll, kProtNone, kProtBits}},
    Row{"mmap", 3, {MAP_TYPE, kMapKinds, kMapBits}},
    Row{"mprotect", 2, {kAll, kProtNone, kProtBits}},
    Row{"mremap", 3, {kAll, kRemapNone, kRemapBits}},
    Row{"madvise", 2, {kAll, kAdvice, {}}},
    Row{"lseek", 2, {kAll, kWhence, {}}},
    Row{"clock_gettime", 0, {kAll, kClocks, {}}},
    Row{"clock_getres", 0, {kAll, kClocks, {}}},
    Row{"clock_nanosleep", 0, {kAll, kClocks, {}}},
    Row{"timerfd_create", 0, {kAll, kClocks, {}}},
    Row{"clone", 0, {CSIGNAL, kCloneSignals, kCloneBits}},
    Row{"socket", 0, {kAll, kDomains, {}}},
    Row{"socket", 1, {0xf, kSocketTypes, kSocketBits}},
    Row{"socketpair", 0, {kAll, kDomains, {}}},
    Row{"socketpair", 1, {0xf, kSocketTypes, kSocketBits}},
    Row{"accept4", 3, {kAll, kZero, kSocketBits}},
    Row{"wait4", 2, {kAll, kZero, kWaitBits}},
    Row{"newfstatat", 3, {kAll, kZero, kAtBits}},
    Row{"fstatat", 3, {kAll, kZero, kAtBits}},
    Row{"unlinkat", 2, {kAll, kZero, kAtBits}},
    Row{"statx", 2, {kAll, kZero, kAtBits}},
    Row{"pipe2", 1, {kAll, kZero, kPipeBits}},
    Row{"dup3", 2, {kAll, kZero, kPipeBits}},
    Row{"access", 1, {kAll, kAccessNone, kAccessBits}},
    Row{"faccessat", 2, {kAll, kAccessNone, kAccessBits}},
    Row{"faccessat2", 2, {kAll, kAccessNone, kAccessBits}},
    Row{"rt_sigprocmask", 0, {kAll, kMaskHow, {}}},
    Row{"fcntl", 1, {kAll, kFcntl, {}}},
    Row{"futex", 1, {0x7f, kFutexOps, kFutexBits}},
    Row{"arch_prctl", 0, {kAll, kArch, {}}},
};

const char *find(std::span<const Name> names, std::uint64_t value) {
  for (const Name &name : names)
    if (name.value == value) return name.text;
  return nullptr;
}

std::string spell(const Names &names, std::uint64_t value) {
  // A field that is all bits is a choice only when a choice is exactly what it holds.
  if (const char *whole = find(names.choices, value)) return whole;
  std::string text;
  const auto append = [&](std::string_view part) {
    if (!text.empty()) text += '|';
    text += part;
  };
  std::uint64_t left = value;
  if (names.mask != kAll) {
    const std::uint64_t field = value & names.mask;
    const char *choice = find(names.choices, field);
    append(choice != nullptr ? choice : fmt::format("{:#x}", field));
    left &= ~names.mask;
  }
  for (const Name &bit : names.bits)
    if (bit.value != 0 && (left & bit.value) == bit.value) {
      append(bit.text);
      left &= ~bit.value;
    }
  if (left != 0 || text.empty()) append(fmt::format("{:#x}", left));
  return text;
}

} // namespace

std::optional<std::string> flag_argument(std::string_view call, unsigned index, std::uint64_t value) {
  for (const Row &row : kRows)
    if (row.index == index && row.call == call) return spell(row.names, std::uint32_t(value));
  return std::nullopt;
}

} // namespace pagoda::tools
