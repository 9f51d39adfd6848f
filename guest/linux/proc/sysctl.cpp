// /proc/sys: names, limits and switches of the kernel (proc_sys_kernel(5), proc_sys_vm(5)).
#include <fmt/format.h>

#include "guest/linux/kernel.hpp"
#include "guest/linux/proc/register.hpp"
#include "guest/linux/syscall/identity/credential_rules.hpp"
#include "guest/linux/syscall/identity/limits.hpp"
#include "guest/linux/syscall/identity/uts.hpp"
#include "guest/linux/syscall/memory/sysv_segments.hpp"

namespace pagoda::kernel {

namespace {

void add_constant(SyntheticTree &proc, std::string_view path, std::string text) {
  proc.file(path, [text = text + "\n"](const View &) -> Content { return text; });
}

void add_name(SyntheticTree &proc, std::string_view path, std::string UtsNames::*which) {
  proc.file(path, [which](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    return uts_names(*view.kernel).*which + "\n";
  });
}

int store_name(const View &view, std::string_view text, std::string Kernel::*which) {
  text = text.substr(0, text.find_first_of(std::string_view("\n\0", 2)));
  if (text.size() > kMaxName) return EINVAL;
  const LockGuard guard(view.kernel->mutex);
  if (view.viewer != nullptr && !capable(view.viewer->credentials, Capability::SysAdmin)) return EPERM;
  view.kernel->*which = text;
  return 0;
}

std::string uuid(std::array<std::uint8_t, 16> bytes) {
  bytes[6] = std::uint8_t((bytes[6] & 0x0f) | 0x40); // RFC 9562: version 4, variant 1
  bytes[8] = std::uint8_t((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text + "\n";
}

std::string random_uuid(Kernel &kernel) {
  std::array<std::uint8_t, 16> bytes{};
  kernel.random_bytes(std::as_writable_bytes(std::span(bytes)));
  return uuid(bytes);
}

void add_random(SyntheticTree &proc) {
  proc.file("sys/kernel/random/uuid", [](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    return random_uuid(*view.kernel);
  });
  // One for the whole run, drawn when it is first asked for.
  struct Boot {
    Mutex mutex;
    std::string id PAGODA_GUARDED_BY(mutex);
  };
  proc.file("sys/kernel/random/boot_id", [boot = std::make_shared<Boot>()](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    const LockGuard guard(boot->mutex);
    if (boot->id.empty()) boot->id = random_uuid(*view.kernel);
    return boot->id;
  });
  add_constant(proc, "sys/kernel/random/entropy_avail", "256");
  add_constant(proc, "sys/kernel/random/poolsize", "256");
}

void add_kernel(SyntheticTree &proc) {
  add_name(proc, "sys/kernel/ostype", &UtsNames::system);
  add_name(proc, "sys/kernel/osrelease", &UtsNames::release);
  add_name(proc, "sys/kernel/version", &UtsNames::version);
  const auto knob = [&](std::string_view path, std::string UtsNames::*shown, std::string Kernel::*stored) {
    proc.knob(
        path,
        [shown](const View &view) -> Content {
          if (view.kernel == nullptr) return unexpected(ENOENT);
          return uts_names(*view.kernel).*shown + "\n";
        },
        [stored](const View &view, std::string_view text) { return store_name(view, text, stored); });
  };
  knob("sys/kernel/hostname", &UtsNames::node, &Kernel::hostname);
  knob("sys/kernel/domainname", &UtsNames::domain, &Kernel::domainname);
  add_constant(proc, "sys/kernel/pid_max", "4194304");
  add_constant(proc, "sys/kernel/ngroups_max", "65536");
  add_constant(proc, "sys/kernel/cap_last_cap", std::to_string(kLastCapability));
  add_constant(proc, "sys/kernel/overflowuid", "65534");
  add_constant(proc, "sys/kernel/overflowgid", "65534");
  add_constant(proc, "sys/kernel/randomize_va_space", "2");
  add_constant(proc, "sys/kernel/shmmax", std::to_string(SegmentTable::kMaxBytes));
  add_constant(proc, "sys/kernel/shmall", std::to_string(SegmentTable::kMaxBytes >> kPageShift));
  add_constant(proc, "sys/kernel/shmmni", std::to_string(SegmentTable::kMaxSegments));
}

} // namespace

void add_sysctl(SyntheticTree &proc) {
  add_kernel(proc);
  add_random(proc);
  // A private writable mapping larger than all memory is refused, nothing else is: heuristic mode.
  add_constant(proc, "sys/vm/overcommit_memory", "0");
  add_constant(proc, "sys/vm/overcommit_ratio", "50");
  add_constant(proc, "sys/vm/max_map_count", std::to_string(space::kMaxAreas));
  add_constant(proc, "sys/vm/mmap_min_addr", std::to_string(space::kUserBegin.value()));
  add_constant(proc, "sys/fs/file-max", "9223372036854775807");
  add_constant(proc, "sys/fs/nr_open", std::to_string(kMaxOpenFiles));
  add_constant(proc, "sys/fs/pipe-max-size", "1048576");
}

} // namespace pagoda::kernel
