// mincore(2) and msync(2).
#include "guest/linux/syscall/memory/residency.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/mman.h>

#include "guest/linux/syscall/long_call.hpp"
#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/map_arguments.hpp"
#include "guest/linux/syscall/memory/shared_memory.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel {

void fill_residency(const space::Space &space, Gva begin, std::span<std::byte> out) {
  for (std::size_t page = 0; page < out.size(); ++page)
    out[page] = space.query(begin + page * kPageSize) ? std::byte{1} : std::byte{0};
}

bool fully_mapped(const space::Space &space, GvaRange range) {
  Gva next = range.begin;
  for (const auto &area : space.areas(range)) {
    if (area.range.begin > next) break;
    next = area.range.end;
    if (next >= range.end) return true;
  }
  return next >= range.end;
}

namespace memory {

SysResult do_mincore(Call &call) {
  const auto range = decode_range(call.arg(0), call.arg(1), EINVAL, ENOMEM);
  if (!range) return SysResult::error(range.error());
  if (!kUserSpace.contains(*range)) return SysResult::error(ENOMEM);
  const space::Space &space = *call.process.space;
  if (!fully_mapped(space, *range)) return SysResult::error(ENOMEM);

  std::array<std::byte, kPageSize> chunk;
  const std::uint64_t pages = range->length() >> kPageShift;
  for (std::uint64_t done = 0; done < pages;) {
    const std::size_t count = std::size_t(std::min<std::uint64_t>(chunk.size(), pages - done));
    const std::span<std::byte> part(chunk.data(), count);
    fill_residency(space, range->begin + (done << kPageShift), part);
    if (fault::copy_out(*call.process.space, call.arg_gva(2) + done, part) != count) return SysResult::error(EFAULT);
    done += count;
    if (is_dying(call)) return SysResult::error(EINTR);
  }
  return 0;
}

SysResult do_msync(Call &call) {
  const int flags = call.arg_int(2);
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0) return SysResult::error(EINVAL);
  if ((flags & MS_ASYNC) != 0 && (flags & MS_SYNC) != 0) return SysResult::error(EINVAL);
  const auto range = decode_range(call.arg(0), call.arg(1), EINVAL, ENOMEM);
  if (!range) return SysResult::error(range.error());
  if (range->empty()) return 0;
  if (!kUserSpace.contains(*range)) return SysResult::error(ENOMEM);
  int error = fully_mapped(*call.process.space, *range) ? 0 : ENOMEM;
  for (const auto &area : call.process.space->areas(*range)) {
    if (!area.shared || !area.file) continue;
    if (const int failed = shared_memory(call.kernel)->write_back(area); failed != 0) error = failed;
  }
  return error == 0 ? SysResult(0) : SysResult::error(error);
}

} // namespace memory
} // namespace pagoda::kernel
