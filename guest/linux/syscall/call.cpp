#include "guest/linux/syscall/call.hpp"

#include <utility>

namespace pagoda::kernel {

SysResult SysResult::park(WaitFor wait) {
  SysResult result(0);
  result.kind_ = Kind::Park;
  result.wait_ = std::make_unique<WaitFor>(std::move(wait));
  return result;
}

SysResult SysResult::leave() {
  SysResult result(0);
  result.kind_ = Kind::Leave;
  return result;
}

} // namespace pagoda::kernel
