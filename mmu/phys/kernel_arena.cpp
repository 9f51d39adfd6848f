#include "mmu/phys/kernel_arena.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace pagoda::phys {

namespace {

// Kernel memory belongs to no space, and none of it is kept back: the guest's own reserves are.
constexpr Owner kNoOwner = 0;

Topology arena_topology(std::vector<NodeSpec> nodes) {
  Topology topology = Topology::without_reserves(0);
  topology.nodes = std::move(nodes);
  topology.layout = LayoutKind::Arena;
  return topology;
}

} // namespace

// --- life

Result<std::unique_ptr<KernelArena>> KernelArena::create(std::uint64_t bytes) {
  return over(arena_topology({NodeSpec{.bytes = page_floor(bytes), .cpus = {0}, .distances = {}}}));
}

Result<std::unique_ptr<KernelArena>> KernelArena::create(const Topology &machine) {
  return over(arena_topology(machine.nodes));
}

Result<std::unique_ptr<KernelArena>> KernelArena::over(Topology topology) {
  if (topology.bytes() == 0 || !topology.problem().empty()) return unexpected(Error::Invalid);
  std::unique_ptr<KernelArena> arena(new KernelArena);
  arena->fd_ = ::memfd_create("pagoda-kernel", MFD_CLOEXEC);
  if (arena->fd_ < 0) return unexpected(Error::Unsupported);
  if (!arena->map(std::move(topology))) return unexpected(Error::OutOfMemory);
  return arena;
}

bool KernelArena::map(Topology topology) {
  nodes_ = unsigned(topology.nodes.size());
  const std::uint64_t bytes = topology.end().value();
  if (::ftruncate(fd_, off_t(bytes)) != 0) return false;
  void *base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_, 0);
  if (base == MAP_FAILED) return false;
  base_ = static_cast<std::byte *>(base);
  bytes_ = bytes;
  try {
    memory_ = std::make_unique<PhysicalMemory>(std::move(topology), base_);
  } catch (const std::bad_alloc &) { return false; }
  pages_ = memory_->descriptor(Gfn(0)).payload;
  return true;
}

KernelArena::~KernelArena() {
  memory_.reset();
  if (base_ != nullptr) ::munmap(base_, bytes_);
  if (fd_ >= 0) ::close(fd_);
}

// --- nodes

NodeId KernelArena::local_node() const {
  const NodeId node = phys::local_node();
  return node < nodes_ ? node : NodeId{0};
}

NodeId KernelArena::node(const KernelPage &page) const {
  return nodes_ == 1 ? NodeId{0} : memory_->node_of(Gfn(number(page))).value_or(NodeId{0});
}

// --- charges

bool KernelArena::charge(std::uint64_t frames) {
  const LockGuard guard(charge_mutex_);
  const std::uint64_t wanted = in_use_.load(std::memory_order_relaxed) + frames;
  if (charge_ && !charge_(wanted)) return false;
  in_use_.store(wanted, std::memory_order_relaxed);
  return true;
}

void KernelArena::uncharge(std::uint64_t frames) {
  const LockGuard guard(charge_mutex_);
  const std::uint64_t left = in_use_.load(std::memory_order_relaxed) - frames;
  in_use_.store(left, std::memory_order_relaxed);
  if (charge_) static_cast<void>(charge_(left));
}

// --- frames

Result<std::byte *> KernelArena::allocate(Order order, FrameKind kind, Gfp gfp, NodeId node) {
  const std::uint64_t frames = std::uint64_t{1} << order;
  if (!charge(frames)) return unexpected(Error::OutOfMemory);
  const Result<Gfn> head =
      memory_->allocate({.gfp = gfp, .order = order, .kind = kind, .owner = kNoOwner, .preferred = node});
  if (head) return memory_->host(*head);
  uncharge(frames);
  return unexpected(head.error());
}

void KernelArena::free(std::byte *block, Order order) {
  memory_->free(Gfn(offset(block) >> kPageShift), order);
  uncharge(std::uint64_t{1} << order);
}

std::size_t KernelArena::allocate_bulk(std::span<std::byte *> out, Gfp gfp) {
  if (!charge(out.size())) return 0;
  std::array<Gfn, 64> frames;
  std::size_t had = 0;
  while (had < out.size()) {
    const std::span<Gfn> wanted(frames.data(), std::min(out.size() - had, frames.size()));
    const std::size_t got = memory_->allocate_bulk(
        wanted, {.gfp = gfp, .kind = FrameKind::Kernel, .owner = kNoOwner, .preferred = local_node()});
    for (std::size_t i = 0; i < got; ++i) out[had + i] = memory_->host(frames[i]);
    had += got;
    if (got < wanted.size()) break;
  }
  if (had < out.size()) uncharge(out.size() - had);
  return had;
}

void KernelArena::free_bulk(std::span<std::byte *const> frames) {
  for (std::byte *frame : frames) memory_->free(Gfn(offset(frame) >> kPageShift), 0);
  if (!frames.empty()) uncharge(frames.size());
}

void KernelArena::discard(std::byte *begin, std::uint64_t bytes) {
  // A host that cannot punch holes leaves old bytes: then they are overwritten.
  if (::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off_t(offset(begin)), off_t(bytes)) != 0)
    std::memset(begin, 0, bytes);
}

} // namespace pagoda::phys
