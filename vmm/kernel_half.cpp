#include "vmm/kernel_half.hpp"

#include <cstring>

namespace pagoda::vmm {
namespace {

// Entry bits (SDM vol. 3, table 4-20). A and D are set from the start: the processor never has to
// write these tables, which on a host that interprets CPL0 would cost an emulated store.
constexpr std::uint64_t kPresent = 1, kWrite = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40, kNoExecute = 1ull << 63;
constexpr std::uint64_t kTableBits = kPresent | kWrite | kAccessed;
constexpr std::uint64_t kData = kPresent | kWrite | kAccessed | kDirty | kNoExecute;
constexpr std::uint64_t kCode = kPresent | kAccessed;
constexpr phys::Owner kOwner = 0;

// Frames taken so far; gives them back unless the building succeeds.
class Frames {
public:
  explicit Frames(phys::PhysicalMemory &memory) : memory_(memory) {}
  ~Frames() {
    for (Gfn frame : taken_) memory_.put(frame);
  }
  Result<Gfn> take(phys::FrameKind kind) {
    auto frame = memory_.allocate(0, kind, kOwner);
    if (frame) taken_.push_back(*frame);
    return frame;
  }
  std::uint64_t keep() {
    const std::uint64_t count = taken_.size();
    taken_.clear();
    return count;
  }

private:
  phys::PhysicalMemory &memory_;
  std::vector<Gfn> taken_;
};

void store_entry(phys::PhysicalMemory &memory, Gfn table, unsigned index, std::uint64_t entry) {
  std::memcpy(memory.host(table) + index * sizeof entry, &entry, sizeof entry);
}

stub::Page page_of(phys::PhysicalMemory &memory, Gfn frame) { return stub::Page(memory.host(frame), kPageSize); }

} // namespace

stub::Page KernelHalf::syscall_page(unsigned cpu) const { return page_of(*memory_, cpus_[cpu].syscall); }

const std::byte *KernelHalf::stack_top(unsigned cpu) const { return memory_->host(cpus_[cpu].stack) + kPageSize; }

Result<KernelHalf> KernelHalf::build(phys::PhysicalMemory &memory, unsigned cpus, stub::SyscallEntry entry) {
  if (cpus == 0 || cpus > abi::kMaxCpus) return unexpected(Error::Invalid);
  KernelHalf half(memory);
  Frames frames(memory);
  const std::uint64_t user = entry == stub::SyscallEntry::Cpl3 ? kUser : 0;

  Gfn tables[3]; // levels 3, 2 and 1
  for (Gfn &table : tables) {
    auto frame = frames.take(phys::FrameKind::Table);
    if (!frame) return unexpected(frame.error());
    table = *frame;
  }
  // kKernelBase is the first byte under its root entry, so levels 3 and 2 are entered at index 0.
  store_entry(memory, tables[0], 0, tables[1].gpa().value() | kTableBits | user);
  store_entry(memory, tables[1], 0, tables[2].gpa().value() | kTableBits | user);
  half.entry_ = tables[0].gpa().value() | kTableBits | user;

  const auto place = [&](unsigned page, std::uint64_t bits) -> Result<Gfn> {
    auto frame = frames.take(phys::FrameKind::Stub);
    if (frame) store_entry(memory, tables[2], page, frame->gpa().value() | bits);
    return frame;
  };
  const auto idt = place(abi::kIdtPage, kData);
  const auto vectors = place(abi::kVectorPage, kCode);
  if (!idt || !vectors) return unexpected(Error::OutOfMemory);
  stub::build_idt(page_of(memory, *idt));
  stub::build_vector_page(page_of(memory, *vectors));

  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    const unsigned first = abi::cpu_page(cpu);
    const auto syscall = place(first, kCode | user);
    const auto descriptors = place(first + 1, kData);
    const auto stack = place(first + 2, kData);
    if (!syscall || !descriptors || !stack) return unexpected(Error::OutOfMemory);
    stub::build_syscall_page(page_of(memory, *syscall), entry);
    stub::build_descriptor_page(page_of(memory, *descriptors), cpu, memory.topology().node_of_cpu(cpu));
    half.cpus_.push_back({*syscall, *descriptors, *stack});
  }
  half.frames_ = frames.keep();
  return half;
}

} // namespace pagoda::vmm
