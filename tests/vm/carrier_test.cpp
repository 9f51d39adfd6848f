// The carriers of invalidation on the real /dev/kvm: random edits checked by guest accesses, a
// carrier that does nothing, and a flush under a processor that is in the guest.
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "vmm/doctor/bare_guest.hpp"
#include "vmm/doctor/proof.hpp"
#include "vmm/kvm_cpu.hpp"
#include "vmm/process_vm.hpp"

// Reads the word at rdi until it is not rsi.
asm(R"(
    .pushsection .rodata
    .globl carrier_test_begin, carrier_test_end
carrier_test_begin: mov (%rdi), %rbx; cmp %rbx, %rsi; je carrier_test_begin; mov $1000, %eax; syscall
carrier_test_end:
    .popsection
)");
extern "C" {
extern const std::byte carrier_test_begin[], carrier_test_end[];
}

namespace pagoda::vmm {
namespace {

std::unique_ptr<ProcessVm> make_vm(CarrierChoice carrier, unsigned cpus = 1) {
  ProcessVmConfig config;
  config.memory_bytes = 16ull << 20;
  config.cpus = cpus;
  config.carrier = carrier;
  auto vm = ProcessVm::create(config);
  if (!vm) return nullptr;
  (*vm)->cpu(0).adopt_thread();
  return std::move(*vm);
}

std::string describe(const doctor::Proof &proof) {
  return proof.carrier + ": stale allowed " + std::to_string(proof.stale_allowed) + ", denied " +
         std::to_string(proof.stale_denied) + ", wrong frame " + std::to_string(proof.wrong_frame) + ", unexpected " +
         std::to_string(proof.unexpected) + " " + proof.failure;
}

TEST(Carrier, TheChosenOneIsProven) {
  const auto vm = make_vm(CarrierChoice::Automatic);
  ASSERT_NE(vm, nullptr);
  const auto proof = doctor::prove(*vm, 2'000, 1);
  EXPECT_TRUE(proof.passed()) << describe(proof);
  EXPECT_EQ(proof.edits, 2'000u);
  EXPECT_GT(proof.faults, 100u);
}

TEST(Carrier, EveryOtherThatIsRightHereIsProven) {
  for (const auto choice : {CarrierChoice::WriteProtect, CarrierChoice::Mprotect, CarrierChoice::Slot}) {
    const auto vm = make_vm(choice);
    if (vm == nullptr) {
      EXPECT_EQ(choice, CarrierChoice::WriteProtect) << "only an older kernel's userfaultfd may be missing";
      continue;
    }
    const auto proof = doctor::prove(*vm, 300, 2);
    EXPECT_TRUE(proof.passed()) << describe(proof);
  }
}

TEST(Carrier, DoingNothingIsFoundOutWhereTablesAreShadowed) {
  const auto vm = make_vm(CarrierChoice::None);
  ASSERT_NE(vm, nullptr);
  const auto proof = doctor::prove(*vm, 500, 3);
  EXPECT_TRUE(proof.failure.empty()) << proof.failure;
  if (shadows_tables(vm->host_kind())) {
    EXPECT_GT(proof.errors(), 0u);
    EXPECT_FALSE(proof.passed());
  }
}

// One processor reads a page without ever leaving the guest while its leaf is replaced: once the
// flush has returned, the old frame must not be read any more.
TEST(Carrier, AFlushReachesAProcessorInTheGuest) {
  const auto vm = make_vm(CarrierChoice::Automatic, 2);
  ASSERT_NE(vm, nullptr);
  auto made = doctor::BareGuest::create(*vm, {carrier_test_begin, carrier_test_end});
  ASSERT_TRUE(made.has_value());
  doctor::BareGuest &guest = **made;
  constexpr Gva kPage{0x50'0000'0000};
  const Prot prot = Prot::Read | Prot::User;
  const auto stamped = [&](std::uint64_t stamp) {
    const auto frame = guest.add_frame();
    if (frame) std::memcpy(guest.host(*frame), &stamp, sizeof stamp);
    return frame;
  };
  const auto first = stamped(1), second = stamped(2);
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(guest.table().map(kPage, *first, prot).has_value());
  for (int round = 0; round < 40; ++round) {
    const bool forth = round % 2 == 0;
    kernel::Registers registers = doctor::BareGuest::at(0);
    registers.rdi = kPage.value();
    registers.rsi = forth ? 1 : 2;
    std::atomic<bool> ended{false};
    std::thread reader([&] {
      vm->cpu(1).adopt_thread();
      (void)vm->cpu(1).run(registers, guest.target());
      ended = true;
    });
    std::this_thread::sleep_for(std::chrono::microseconds(500));
    table::InvalidationBatch batch;
    ASSERT_TRUE(guest.table().replace(kPage, forth ? *second : *first, prot, batch).has_value());
    guest.consume(std::move(batch));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!ended && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(ended) << "the processor still reads the old frame";
    if (!ended) vm->cpu(1).kick();
    reader.join();
    if (!ended) return;
    EXPECT_EQ(registers.rbx, forth ? 2u : 1u);
  }
}

} // namespace
} // namespace pagoda::vmm
