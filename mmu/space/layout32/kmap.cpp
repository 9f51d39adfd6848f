#include "mmu/space/layout32/kmap.hpp"

namespace pagoda::space {

Kmap::Kmap(const KernelLayout32 &layout, const phys::PhysicalMemory &memory, Flush flush)
    : layout_(layout), memory_(memory), flush_(std::move(flush)), slots_(layout.kmap_slots()) {
  buckets_.fill(kNone);
  flushed_.reserve(slots_.size());
}

// --- slots

std::uint16_t Kmap::find(Gfn frame) const {
  std::uint16_t at = buckets_[bucket_of(frame)];
  while (at != kNone && slots_[at].frame != frame) at = slots_[at].next;
  return at;
}

void Kmap::forget(std::uint16_t slot) {
  std::uint16_t *link = &buckets_[bucket_of(slots_[slot].frame)];
  while (*link != slot) link = &slots_[*link].next;
  *link = slots_[slot].next;
  slots_[slot] = Slot{};
}

void Kmap::flush_lingering() {
  flushed_.clear();
  for (std::uint16_t slot = 0; slot < count(); ++slot) {
    if (slots_[slot].count != 1) continue;
    forget(slot);
    flushed_.push_back(address(slot));
  }
  if (flushed_.empty()) return;
  ++flushes_;
  if (flush_) flush_(flushed_);
}

std::optional<std::uint16_t> Kmap::free_slot() {
  for (std::size_t left = slots_.size(); left != 0; --left) {
    last_ = std::uint16_t((last_ + 1u) % slots_.size());
    if (last_ == 0) {
      flush_lingering();
      left = slots_.size(); // what was passed by may be free now
    }
    if (slots_[last_].count == 0) return last_;
  }
  return std::nullopt;
}

// --- users

Result<Gva> Kmap::map(Gfn frame) {
  if (!memory_.is_ram(frame)) return unexpected(Error::Invalid);
  if (layout_.is_low(frame)) return layout_.direct(frame.gpa());
  const LockGuard guard(mutex_);
  std::uint16_t slot = find(frame);
  if (slot == kNone) {
    const auto found = free_slot();
    if (!found) return unexpected(Error::Busy);
    slot = *found;
    std::uint16_t &first = buckets_[bucket_of(frame)];
    slots_[slot] = {frame, 1, first};
    first = slot;
  }
  ++slots_[slot].count;
  return address(slot);
}

Result<> Kmap::unmap(Gva gva) {
  if (layout_.direct_map.contains(gva)) return {};
  if (!layout_.kmap.contains(gva)) return unexpected(Error::NotMapped);
  const LockGuard guard(mutex_);
  Slot &slot = slots_[(gva - layout_.kmap.begin) >> kPageShift];
  if (slot.count < 2) return unexpected(Error::NotMapped);
  --slot.count;
  return {};
}

std::optional<Gfn> Kmap::frame_at(Gva gva) const {
  if (!layout_.kmap.contains(gva)) return std::nullopt;
  const LockGuard guard(mutex_);
  const Slot &slot = slots_[(gva - layout_.kmap.begin) >> kPageShift];
  return slot.count == 0 ? std::nullopt : std::optional(slot.frame);
}

// --- what there is

KmapFigures Kmap::figures() const {
  const LockGuard guard(mutex_);
  KmapFigures figures{.slots = unsigned(slots_.size()), .flushes = flushes_};
  for (const Slot &slot : slots_) {
    figures.used += slot.count > 1 ? 1 : 0;
    figures.lingering += slot.count == 1 ? 1 : 0;
  }
  return figures;
}

std::string Kmap::invariant() const {
  const LockGuard guard(mutex_);
  std::size_t held = 0, linked = 0;
  for (std::uint16_t slot = 0; slot < count(); ++slot) {
    if (slots_[slot].count == 0) continue;
    ++held;
    if (layout_.is_low(slots_[slot].frame)) return "a frame of low memory has a slot";
    if (find(slots_[slot].frame) != slot) return "a frame has two slots, or one that is not found";
  }
  for (std::uint16_t at : buckets_)
    for (; at != kNone && linked <= slots_.size(); at = slots_[at].next) ++linked;
  return held == linked ? "" : "a slot without a frame is found";
}

} // namespace pagoda::space
