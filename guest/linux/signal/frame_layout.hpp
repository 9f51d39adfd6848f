// The signal frame as a program sees it: Linux's struct rt_sigframe of x86-64.
//
// Source: Linux uapi asm/ucontext.h and asm/sigcontext.h, System V ABI (AMD64) 3.4. The extended
// state follows at a 64-byte boundary further up and is found through `state.fpstate`.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include "guest/linux/signal/signal_state.hpp"

namespace pagoda::kernel {

struct SignalContext {
  std::uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
  std::uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
  std::uint16_t cs, gs, fs, ss;
  std::uint64_t error, trap, old_mask, cr2;
  std::uint64_t fpstate; // 0: none
  std::array<std::uint64_t, 8> reserved;
};
static_assert(sizeof(SignalContext) == 256);

struct SignalStack {
  std::uint64_t base;
  std::int32_t flags;
  std::int32_t padding;
  std::uint64_t size;
};
static_assert(sizeof(SignalStack) == 24);

struct UserContext {
  std::uint64_t flags;
  std::uint64_t link;
  SignalStack stack;
  SignalContext state;
  SignalSet mask;
};
static_assert(sizeof(UserContext) == 304 && offsetof(UserContext, mask) == 296);

struct SignalFrame {
  std::uint64_t return_address; // the restorer, which calls rt_sigreturn
  UserContext context;
  SignalInfo info;
};
static_assert(sizeof(SignalFrame) == 440 && offsetof(SignalFrame, info) == 312);

inline constexpr std::uint64_t kContextHasXstate = 1; // UC_FP_XSTATE
inline constexpr std::uint64_t kContextHasSs = 2;     // UC_SIGCONTEXT_SS
inline constexpr std::uint64_t kContextStrictSs = 4;  // UC_STRICT_RESTORE_SS
inline constexpr std::uint16_t kUserCs = 0x33;        // Linux's __USER_CS and __USER_DS
inline constexpr std::uint16_t kUserSs = 0x2b;
inline constexpr std::uint64_t kRedZone = 128; // below rsp, belongs to the function that was interrupted
inline constexpr std::uint32_t kXstateMagic1 = 0x46505853;
inline constexpr std::uint32_t kXstateMagic2 = 0x46505845;

} // namespace pagoda::kernel
