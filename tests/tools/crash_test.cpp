// The parts of a crash report, on this test program itself: its own memory is the "guest's".
#include <cstring>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/pagoda/crash/byte_cursor.hpp"
#include "tools/pagoda/crash/crash_report.hpp"
#include "tools/pagoda/crash/disassembly.hpp"
#include "tools/pagoda/crash/elf_module.hpp"
#include "tools/pagoda/crash/unwind.hpp"

namespace pagoda::tools {
namespace {

class MemoryFile final : public space::FileStore {
public:
  explicit MemoryFile(std::string content) : content_(std::move(content)) {}
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
    std::memset(out.data(), 0, out.size());
    if (offset >= content_.size()) return 0u;
    const std::size_t count = std::min<std::size_t>(out.size(), content_.size() - offset);
    std::memcpy(out.data(), content_.data() + offset, count);
    return count;
  }
  std::uint64_t size() const override { return content_.size(); }
  const Identity &identity() const override { return identity_; }

private:
  std::string content_;
  Identity identity_;
};

std::string this_program() {
  const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status{};
  ::fstat(fd, &status);
  std::string content(std::size_t(status.st_size), '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = ::read(fd, content.data() + done, content.size() - done);
    if (got <= 0) break;
    done += std::size_t(got);
  }
  ::close(fd);
  return content;
}

// Reads this process, without trusting the address.
class OwnMemory final : public GuestReader {
public:
  std::expected<std::string, fault::StringError> text(Gva, std::size_t) override {
    return std::unexpected(fault::StringError::Fault);
  }
  std::size_t bytes(Gva at, std::span<std::byte> out) override {
    iovec local{out.data(), out.size()}, remote{reinterpret_cast<void *>(at.value()), out.size()};
    const ssize_t got = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
    return got < 0 ? 0 : std::size_t(got);
  }
};

// Its registers go out by reference: a function with C linkage, whose name is easy to find, returns
// nothing that C does not know.
extern "C" __attribute__((noinline)) void pagoda_test_innermost(FrameRegisters &frame) {
  asm volatile("lea 0(%%rip), %0" : "=r"(frame.value[kDwarfReturn]));
  asm volatile("mov %%rsp, %0" : "=r"(frame.value[kDwarfRsp]));
  asm volatile("mov %%rbp, %0" : "=r"(frame.value[kDwarfRbp]));
  frame.known[kDwarfReturn] = frame.known[kDwarfRsp] = frame.known[kDwarfRbp] = true;
}

// Where this program was loaded: the first object that the loader lists.
std::uint64_t load_bias() {
  std::uint64_t bias = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info *info, std::size_t, void *out) {
        *static_cast<std::uint64_t *>(out) = info->dlpi_addr;
        return 1;
      },
      &bias);
  return bias;
}

TEST(ElfModule, FindsItsOwnFunctions) {
  MemoryFile file(this_program());
  const auto module = ElfModule::read(file);
  ASSERT_TRUE(module);
  const auto bias = load_bias();
  const auto address = reinterpret_cast<std::uint64_t>(&pagoda_test_innermost) - bias;
  const auto symbol = module->symbol(address + 3);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->name, "pagoda_test_innermost");
  EXPECT_EQ(symbol->offset, 3u);
  EXPECT_FALSE(module->symbol(0));
}

TEST(ElfModule, DamagedFilesAreRefusedOrHarmless) {
  const std::string good = this_program();
  for (std::size_t length : {0, 10, 63, 64, 100, 1000}) {
    MemoryFile file(good.substr(0, length));
    (void)ElfModule::read(file);
  }
  // Every byte of the header in turn set to 0xff.
  for (std::size_t at = 0; at < 64; ++at) {
    std::string bad = good;
    bad[at] = '\xff';
    MemoryFile file(std::move(bad));
    if (const auto module = ElfModule::read(file)) (void)module->symbol(0x1000);
  }
  MemoryFile text(std::string(4096, 'x'));
  EXPECT_FALSE(ElfModule::read(text));
}

// A real frame of this program: the table must lead to the caller, which is this very function.
TEST(Unwind, FindsTheCaller) {
  MemoryFile file(this_program());
  const auto module = ElfModule::read(file);
  ASSERT_TRUE(module);
  ASSERT_FALSE(module->eh_frame().bytes.empty());
  OwnMemory memory;
  FrameRegisters frame;
  pagoda_test_innermost(frame);
  // The frame is gone, but what the table says about its layout can still be asked: at a function's
  // first byte the return address is on top of the stack.
  const std::uint64_t stack[2] = {0x1234567, 0};
  frame.value[kDwarfReturn] = reinterpret_cast<std::uint64_t>(&pagoda_test_innermost);
  frame.value[kDwarfRsp] = reinterpret_cast<std::uint64_t>(stack);
  const auto bias = load_bias();
  const auto caller = unwind_by_table(module->eh_frame(), bias, frame, false, memory);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->pc(), 0x1234567u);
  EXPECT_EQ(caller->value[kDwarfRsp], reinterpret_cast<std::uint64_t>(stack) + 8);
}

TEST(Unwind, RandomTablesEnd) {
  OwnMemory memory;
  FrameRegisters frame;
  frame.known.fill(true);
  frame.value.fill(0x1000);
  std::uint64_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    ElfModule::Section section{0x1000, std::vector<std::byte>(200)};
    for (std::byte &byte : section.bytes) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      byte = std::byte(state >> 56);
    }
    const std::uint32_t length = 40, zero = 0, back = 48;
    std::memcpy(section.bytes.data(), &length, 4);
    std::memcpy(section.bytes.data() + 4, &zero, 4);
    section.bytes[8] = std::byte{1}; // version
    section.bytes[9] = std::byte{0}; // no augmentation
    std::memcpy(section.bytes.data() + 44, &length, 4);
    std::memcpy(section.bytes.data() + 48, &back, 4);
    (void)unwind_by_table(section, 0, frame, false, memory);
  }
}

TEST(ByteCursor, PastTheEndReadsZeroAndSaysSo) {
  const std::array<std::byte, 3> bytes{std::byte{0xe5}, std::byte{0x8e}, std::byte{0x26}};
  ByteCursor in(bytes, 0);
  EXPECT_EQ(in.uleb(), 624485u); // the example of DWARF 5, figure C.1
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.fixed<std::uint32_t>(), 0u);
  EXPECT_FALSE(in.ok());
  const std::array<std::byte, 2> negative{std::byte{0x80}, std::byte{0x7f}};
  EXPECT_EQ(ByteCursor(negative, 0).sleb(), -128);
}

TEST(Disassembly, AroundAnAddress) {
  // push rbp; mov rbp, rsp; mov dword ptr [0], 1; ret
  const std::array<std::uint8_t, 16> code{0x55, 0x48, 0x89, 0xe5, 0xc7, 0x04, 0x25, 0, 0, 0, 0, 1, 0, 0, 0, 0xc3};
  const auto bytes = std::as_bytes(std::span(code));
  const auto after = disassemble(bytes.subspan(4), 0x1004, 2);
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0].text, "mov dword ptr [0], 1");
  EXPECT_EQ(after[1].text, "ret");
  const auto before = disassemble_before(bytes.first(4), 0x1004, 3);
  ASSERT_EQ(before.size(), 2u);
  EXPECT_EQ(before[0].text, "push rbp");
  EXPECT_EQ(before[1].address, 0x1001u);
  const std::array<std::uint8_t, 2> invalid{0x06, 0x06};
  EXPECT_TRUE(disassemble(std::as_bytes(std::span(invalid)), 0, 4).empty());
}

TEST(SignalText, NamesAndCodes) {
  EXPECT_EQ(signal_name(SIGSEGV), "SIGSEGV");
  EXPECT_EQ(signal_code(SIGSEGV, SEGV_ACCERR), "SEGV_ACCERR: the mapping forbids this access");
  EXPECT_EQ(signal_code(SIGABRT, SI_TKILL), "SI_TKILL: sent with tgkill (abort, raise)");
  EXPECT_EQ(signal_code(SIGSEGV, 77), "code 77");
}

} // namespace
} // namespace pagoda::tools
