// Kernel memory of a VM: host memory that no memslot covers, so that no guest can address it, handed
// out by the same buddy code as the guest's own.
//
// It is a memfd, so that a single frame can be mapped a second time elsewhere (vmalloc). Nothing is
// touched before it is needed: an arena of many GiB costs address space alone.
//
// The guest is charged: before a frame is handed out, the guest's own memory gives up one for it.
//
// Lock: `charge_mutex_` orders the charges; nothing but the charge itself is called inside it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>

#include "mmu/base/lock.hpp"
#include "mmu/phys/frame_source.hpp"
#include "mmu/phys/physical_memory.hpp"

namespace pagoda::phys {

class KernelArena final : public FrameSource {
public:
  // Up to `bytes` of kernel memory on one node. Unsupported: the host gives no memfd; OutOfMemory: no
  // address space; Invalid: nothing at all.
  static Result<std::unique_ptr<KernelArena>> create(std::uint64_t bytes);
  // The same with the nodes of that machine, as much on each as it has RAM.
  static Result<std::unique_ptr<KernelArena>> create(const Topology &machine);
  ~KernelArena() override;

  [[nodiscard]] Result<std::byte *> allocate(Order order, FrameKind kind, Gfp gfp, NodeId node) override;
  void free(std::byte *block, Order order) override;
  // Up to out.size() single frames, adjacent where that is cheap; how many were had.
  [[nodiscard]] std::size_t allocate_bulk(std::span<std::byte *> out, Gfp gfp);
  void free_bulk(std::span<std::byte *const> frames);
  [[nodiscard]] unsigned nodes() const override { return nodes_; }
  [[nodiscard]] NodeId local_node() const override;
  [[nodiscard]] NodeId node(const KernelPage &page) const override;

  // For mapping a frame elsewhere: the memfd and the frame's offset in it.
  [[nodiscard]] int fd() const { return fd_; }
  // Gives the host its pages of whole frames back; they read as zero when touched next.
  void discard(std::byte *begin, std::uint64_t bytes);

  [[nodiscard]] std::uint64_t frames() const { return bytes_ >> kPageShift; }                    // in all
  [[nodiscard]] std::uint64_t in_use() const { return in_use_.load(std::memory_order_relaxed); } // handed out
  // Asked with the number of frames that would be in use; false refuses the allocation. Frames that come
  // back are told too, and cannot be refused. Set before the first allocation.
  using Charge = std::function<bool(std::uint64_t frames)>;
  void on_charge(Charge charge) { charge_ = std::move(charge); }
  [[nodiscard]] PhysicalMemory &memory() { return *memory_; }
  [[nodiscard]] const PhysicalMemory &memory() const { return *memory_; }

private:
  KernelArena() = default;
  static Result<std::unique_ptr<KernelArena>> over(Topology topology);
  [[nodiscard]] bool map(Topology topology);
  [[nodiscard]] bool charge(std::uint64_t frames);
  void uncharge(std::uint64_t frames);

  int fd_ = -1;
  unsigned nodes_ = 1;
  std::unique_ptr<PhysicalMemory> memory_;
  Charge charge_;
  Mutex charge_mutex_;
  std::atomic<std::uint64_t> in_use_{0}; // written under charge_mutex_
};

} // namespace pagoda::phys
