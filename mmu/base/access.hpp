// Permissions of a mapping and kinds of access.
#pragma once

#include <cstdint>

namespace pagoda {

// What a mapping allows. `User` is separate: kernel-half leaves of the guest lack it.
enum class Prot : std::uint8_t { None = 0, Read = 1, Write = 2, Execute = 4, User = 8 };

constexpr Prot operator|(Prot a, Prot b) { return Prot(std::uint8_t(a) | std::uint8_t(b)); }
constexpr Prot operator&(Prot a, Prot b) { return Prot(std::uint8_t(a) & std::uint8_t(b)); }
constexpr Prot operator~(Prot a) { return Prot(~std::uint8_t(a) & 0xf); }
constexpr bool any(Prot p) { return p != Prot::None; }
constexpr bool has(Prot p, Prot bits) { return (p & bits) == bits; }

// What an instruction, or the host on behalf of a system call, wants to do.
enum class Access : std::uint8_t { Read, Write, Execute };

constexpr Prot needed(Access access) {
  switch (access) {
  case Access::Read: return Prot::Read;
  case Access::Write: return Prot::Write;
  case Access::Execute: return Prot::Execute;
  }
  return Prot::None;
}

} // namespace pagoda
