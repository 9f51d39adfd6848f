#include <cerrno>

#include "guest/linux/syscall/process/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::process {
namespace {

// arch_prctl(2), asm/prctl.h
enum : int { kSetGs = 0x1001, kSetFs = 0x1002, kGetFs = 0x1003, kGetGs = 0x1004, kGetCpuid = 0x1011 };

SysResult set_base(std::uint64_t &base, Gva value) {
  if (value >= space::kUserEnd) return -EPERM; // the processor refuses a non-canonical base
  base = value.value();
  return 0;
}

SysResult get_base(Call &call, std::uint64_t base) { return put_user(call, call.arg_gva(1), base) ? 0 : -EFAULT; }

} // namespace

SysResult do_arch_prctl(Call &call) {
  Registers &registers = call.task.registers;
  switch (call.arg_int(0)) {
  case kSetGs: return set_base(registers.gs_base, call.arg_gva(1));
  case kSetFs: return set_base(registers.fs_base, call.arg_gva(1));
  case kGetFs: return get_base(call, registers.fs_base);
  case kGetGs: return get_base(call, registers.gs_base);
  case kGetCpuid: return 1; // CPUID does not fault
  default: return -EINVAL;
  }
}

} // namespace pagoda::kernel::process
