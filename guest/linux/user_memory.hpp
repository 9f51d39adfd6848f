// Short names for what nearly every handler does with guest pointers.
#pragma once

#include "guest/linux/process.hpp"
#include "guest/linux/syscall/call.hpp"
#include "mmu/fault/guest_memory.hpp"

namespace pagoda::kernel {

template <class T> [[nodiscard]] bool get_user(const Call &call, Gva from, T &value) {
  return fault::read_value(*call.process.space, from, value);
}
template <class T> [[nodiscard]] bool put_user(const Call &call, Gva to, const T &value) {
  return fault::write_value(*call.process.space, to, value);
}

} // namespace pagoda::kernel
