#include "vmm/doctor/bare_guest.hpp"

#include <cstring>

extern "C" {
extern const std::byte pagoda_probe_begin[], pagoda_probe_end[], pagoda_probe_read[], pagoda_probe_write[],
    pagoda_probe_calls[], pagoda_probe_getpid[], pagoda_probe_spin[];
}

namespace pagoda::vmm::doctor {
namespace {

constexpr phys::Owner kOwner = 1;

} // namespace

BareGuest::BareGuest(kernel::Platform platform, std::unique_ptr<table::PhysTableMemory> tables,
                     space::ProcessTable table)
    : platform_(std::move(platform)), table_memory_(std::move(tables)), table_(std::move(table)) {}

Result<std::unique_ptr<BareGuest>> BareGuest::create(ProcessVm &vm, std::span<const std::byte> code) {
  if (code.size() > kPageSize) return unexpected(Error::Invalid);
  kernel::Platform platform = vm.platform();
  auto tables = std::make_unique<table::PhysTableMemory>(platform.memory, kOwner);
  auto table = space::ProcessTable::create(*tables);
  if (!table) return unexpected(table.error());
  table->share_top_entry(platform.kernel_half.index, platform.kernel_half.entry);
  std::unique_ptr<BareGuest> guest(new BareGuest(std::move(platform), std::move(tables), std::move(*table)));
  const auto text = guest->add_page(kProbeCode, Prot::Read | Prot::Execute | Prot::User);
  const auto stack = guest->add_page(kProbeStack, Prot::Read | Prot::Write | Prot::User);
  if (!text || !stack) return unexpected(Error::OutOfMemory);
  std::memcpy(guest->host(*text), code.data(), code.size());
  return guest;
}

BareGuest::~BareGuest() {
  table::InvalidationBatch batch;
  const Gfn root = table_.root();
  table_.destroy(batch, [](Gva, const table::Mapping &) {});
  platform_.invalidator.consume(root, std::move(batch));
  for (Gfn frame : frames_) platform_.memory.put(frame);
}

Result<Gfn> BareGuest::add_frame() {
  auto frame = platform_.memory.allocate(0, phys::FrameKind::Anonymous, kOwner);
  if (frame) frames_.push_back(*frame);
  return frame;
}

Result<Gfn> BareGuest::add_page(Gva gva, Prot prot) {
  auto frame = add_frame();
  if (!frame) return frame;
  if (auto mapped = table_.map(gva, *frame, prot); !mapped) return unexpected(mapped.error());
  return frame;
}

void BareGuest::consume(table::InvalidationBatch batch) {
  platform_.invalidator.consume(table_.root(), std::move(batch));
}

kernel::Registers BareGuest::at(std::uint64_t offset) {
  kernel::Registers registers;
  registers.rip = kProbeCode.value() + offset;
  registers.rsp = kProbeStack.value() + kPageSize;
  return registers;
}

std::span<const std::byte> probe_code() { return {pagoda_probe_begin, pagoda_probe_end}; }

ProbeOffsets probe_offsets() {
  const auto offset = [](const std::byte *label) { return std::uint64_t(label - pagoda_probe_begin); };
  return {offset(pagoda_probe_read), offset(pagoda_probe_write), offset(pagoda_probe_calls),
          offset(pagoda_probe_getpid), offset(pagoda_probe_spin)};
}

} // namespace pagoda::vmm::doctor
