// Where slab, kmalloc and vmalloc take frames from: whole blocks of host memory with a descriptor each.
//
// The addresses are one range, so the descriptor of any address is one shift and one load. What the
// allocators do at each allocation is inline; only taking and returning blocks is virtual.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"
#include "mmu/phys/frame.hpp"
#include "mmu/phys/gfp.hpp"
#include "mmu/phys/kernel_page.hpp"
#include "mmu/phys/node_id.hpp"

namespace pagoda::phys {

class FrameSource {
public:
  virtual ~FrameSource() = default;
  FrameSource(const FrameSource &) = delete;
  FrameSource &operator=(const FrameSource &) = delete;

  // A block of 2^order frames, aligned to its size; its bytes are whatever they were, unless Gfp::Zero.
  // `kind`: Slab or Kernel.
  [[nodiscard]] virtual Result<std::byte *> allocate(Order order, FrameKind kind, Gfp gfp, NodeId node) = 0;
  virtual void free(std::byte *block, Order order) = 0;
  [[nodiscard]] virtual unsigned nodes() const { return 1; }
  [[nodiscard]] virtual NodeId local_node() const { return 0; } // of the caller; below nodes()
  [[nodiscard]] virtual NodeId node(const KernelPage &) const { return 0; }

  [[nodiscard]] bool contains(const void *address) const { return offset(address) < bytes_; }
  // The caller knows that the source contains it.
  [[nodiscard]] KernelPage &page(const void *address) const {
    return page(std::uint32_t(offset(address) >> kPageShift));
  }
  [[nodiscard]] KernelPage &page(std::uint32_t number) const {
    return *reinterpret_cast<KernelPage *>(pages_ + std::uint64_t(number) * sizeof(Frame));
  }
  // Of the slab that the page belongs to.
  [[nodiscard]] KernelPage &head(const KernelPage &page) const {
    return this->page(std::uint32_t(number(page) - page.tail));
  }
  [[nodiscard]] std::uint32_t number(const KernelPage &page) const {
    return std::uint32_t(std::uint64_t(reinterpret_cast<const std::byte *>(&page) - pages_) / sizeof(Frame));
  }
  [[nodiscard]] std::byte *address(const KernelPage &page) const {
    return base_ + (std::uint64_t(number(page)) << kPageShift);
  }
  [[nodiscard]] std::uint64_t offset(const void *address) const {
    return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(base_);
  }

protected:
  FrameSource() = default;
  std::byte *base_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::byte *pages_ = nullptr; // the payload of frame 0's descriptor; all zero at first
};
static_assert(sizeof(KernelPage) <= kFramePayload);

} // namespace pagoda::phys
