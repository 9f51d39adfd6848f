#include "vmm/doctor/proof.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <vector>

#include "vmm/doctor/bare_guest.hpp"
#include "vmm/kvm_cpu.hpp"

namespace pagoda::vmm::doctor {
namespace {

using kernel::VmExit;
using Clock = std::chrono::steady_clock;

constexpr Gva kWindow{0x30'0000'0000};
constexpr Prot kRead = Prot::Read | Prot::User;
constexpr Prot kWrite = kRead | Prot::Write;

constexpr Gva page_address(unsigned page) { return kWindow + page * kPageSize; }

class Prover {
public:
  Prover(ProcessVm &vm, std::uint64_t seed) : vm_(vm), random_(seed) {}

  Proof run(std::uint64_t edits) {
    proof_.carrier = vm_.carrier_name();
    if (!prepare()) return std::move(proof_);
    for (std::uint64_t i = 0; i < edits && proof_.failure.empty(); ++i) {
      edit();
      // The page just edited, where a stale entry is likeliest, and any other.
      check(edited_);
      check(pick(kProofPages));
    }
    summarise();
    return std::move(proof_);
  }

private:
  unsigned pick(unsigned below) { return unsigned(random_() % below); }

  bool prepare() {
    auto guest = BareGuest::create(vm_, probe_code());
    if (!guest) return fail("the guest's memory is too small for the proof");
    guest_ = std::move(*guest);
    for (unsigned i = 0; i < kProofFrames; ++i) {
      const auto frame = guest_->add_frame();
      if (!frame) return fail("the guest's memory is too small for the proof");
      frames_.push_back(*frame);
      const std::uint64_t stamp = stamp_of(*frame);
      std::memcpy(guest_->host(*frame), &stamp, sizeof stamp);
    }
    return true;
  }
  bool fail(const char *why) {
    proof_.failure = why;
    return false;
  }
  static std::uint64_t stamp_of(Gfn frame) { return 0x5741'4d50'0000'0000 | frame.number(); }

  // One random edit through the table and, timed with it, its flush.
  void edit() {
    edited_ = pick(kProofPages);
    const Gva gva = page_address(edited_);
    const GvaRange range{gva, gva + kPageSize};
    const Gfn frame = frames_[pick(kProofFrames)];
    const Prot prot = pick(2) == 0 ? kRead : kWrite;
    space::ProcessTable &table = guest_->table();
    const bool mapped = table.query(gva).has_value();
    const auto begin = Clock::now();
    table::InvalidationBatch batch;
    bool done = true;
    switch (mapped ? 1 + pick(4) : 0) {
    case 0: done = table.map(gva, frame, prot).has_value(); break;
    case 1: table.unmap(range, batch, [](Gva, const table::Mapping &) {}); break;
    case 2: done = table.replace(gva, frame, prot, batch).has_value(); break;
    case 3: table.protect(range, kRead, batch); break;
    default: table.protect(range, kWrite, batch); break;
    }
    guest_->consume(std::move(batch));
    const auto spent = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin);
    costs_.push_back(std::uint64_t(spent.count()));
    ++proof_.edits;
    if (!done) fail("the guest's memory is too small for the proof");
  }

  // One guest access, and what the table says about it.
  void check(unsigned page) {
    const Gva gva = page_address(page);
    const bool write = pick(2) == 0;
    const auto mapping = guest_->table().query(gva);
    const bool allowed = mapping && (!write || has(mapping->prot, Prot::Write));
    const ProbeOffsets offsets = probe_offsets();
    kernel::Registers registers = BareGuest::at(write ? offsets.write : offsets.read);
    registers.rdi = gva.value();
    registers.rsi = random_();
    const VmExit exit = vm_.cpu(0).run(registers, guest_->target());
    ++proof_.accesses;
    if (exit.kind == VmExit::Kind::PageFault && exit.address.page_floor() == gva) {
      ++proof_.faults;
      if (allowed) ++proof_.stale_denied;
    } else if (exit.kind != VmExit::Kind::SystemCall || registers.rax != kProbeDone) {
      ++proof_.unexpected;
      if (exit.kind == VmExit::Kind::Failure) fail("the host refused to run the guest on");
    } else if (!allowed) {
      ++proof_.stale_allowed;
    } else if (write ? second_word(mapping->frame) != registers.rsi : registers.rbx != stamp_of(mapping->frame)) {
      ++proof_.wrong_frame;
    }
  }
  std::uint64_t second_word(Gfn frame) const {
    std::uint64_t word = 0;
    std::memcpy(&word, guest_->host(frame) + sizeof word, sizeof word);
    return word;
  }

  void summarise() {
    if (costs_.empty()) return;
    std::ranges::sort(costs_);
    proof_.edit_median_ns = costs_[costs_.size() / 2];
    proof_.edit_p90_ns = costs_[costs_.size() * 9 / 10];
  }

  ProcessVm &vm_;
  std::mt19937_64 random_;
  std::unique_ptr<BareGuest> guest_;
  std::vector<Gfn> frames_;
  std::vector<std::uint64_t> costs_;
  unsigned edited_ = 0;
  Proof proof_;
};

} // namespace

Proof prove(ProcessVm &vm, std::uint64_t edits, std::uint64_t seed) { return Prover(vm, seed).run(edits); }

} // namespace pagoda::vmm::doctor
