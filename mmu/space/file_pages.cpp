#include "mmu/space/file_pages.hpp"

#include <algorithm>

#include "mmu/base/failpoint.hpp"

namespace pagoda::space {

namespace {

// Length of the run of physically adjacent frames that opens `frames`.
std::size_t adjacent(std::span<const Gfn> frames) {
  std::size_t run = 1;
  while (run < frames.size() && frames[run] == frames[0] + run) ++run;
  return run;
}

} // namespace

std::size_t pages_within(std::uint64_t size, std::uint64_t offset, std::size_t wanted) {
  if (offset >= size) return 0;
  const std::uint64_t left = size - offset;
  return std::min<std::uint64_t>(wanted, (left >> kPageShift) + ((left & kPageMask) != 0 ? 1 : 0));
}

Result<std::size_t> read_pages(FileStore &store, phys::PhysicalMemory &memory, std::uint64_t offset,
                               std::span<const Gfn> frames) {
  std::size_t done = 0;
  while (done < frames.size()) {
    const std::size_t run = adjacent(frames.subspan(done));
    if (failpoint::file_read.fails()) return unexpected(Error::Io);
    const std::span<std::byte> into(memory.host(frames[done]), run << kPageShift);
    const auto bytes = store.read(offset + (done << kPageShift), into);
    if (!bytes) return unexpected(bytes.error());
    const std::size_t got = page_ceil(std::min<std::uint64_t>(*bytes, into.size())) >> kPageShift;
    done += got;
    if (got < run) break; // the file ended, or shrank since its size was asked
  }
  return done;
}

} // namespace pagoda::space
