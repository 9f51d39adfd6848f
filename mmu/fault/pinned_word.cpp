#include <array>
#include <atomic>
#include <utility>

#include "mmu/fault/guest_memory.hpp"
#include "mmu/fault/pin_pages.hpp"

namespace pagoda::fault {

std::expected<PinnedWord, Outcome> PinnedWord::pin(space::Space &space, Gva gva, Access access) {
  if (gva.value() % sizeof(std::uint32_t) != 0) return std::unexpected(Outcome{Case::NoArea, 0});
  std::array<Gfn, 1> frame;
  const auto pinned = pin_pages(space, gva.page_floor(), access, frame);
  if (!pinned) return std::unexpected(pinned.error());
  return PinnedWord(space.memory(), frame[0], std::uint32_t(gva.page_offset()));
}

PinnedWord::PinnedWord(phys::PhysicalMemory &memory, Gfn frame, std::uint32_t offset)
    : memory_(&memory), frame_(frame), offset_(offset) {}

PinnedWord::PinnedWord(PinnedWord &&other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), frame_(other.frame_), offset_(other.offset_) {}

PinnedWord::~PinnedWord() {
  if (memory_ != nullptr) memory_->put(frame_);
}

std::uint32_t &PinnedWord::word() const { return *reinterpret_cast<std::uint32_t *>(memory_->host(frame_) + offset_); }

std::uint32_t PinnedWord::load() const { return std::atomic_ref(word()).load(); }

bool PinnedWord::compare_exchange(std::uint32_t &expected, std::uint32_t desired) {
  return std::atomic_ref(word()).compare_exchange_strong(expected, desired);
}

void PinnedWord::store(std::uint32_t value) { std::atomic_ref(word()).store(value); }

} // namespace pagoda::fault
