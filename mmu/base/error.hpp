// Errors of the memory manager are values. Out of memory is a return value everywhere.
//
// The comment beside each enumerator is its message (see `message`).
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace pagoda {

enum class Error : std::uint8_t {
  OutOfMemory, // no free frame of the wanted kind and order
  NoSpace,     // no gap of that length in the address space
  Exists,      // something is already mapped there
  NotMapped,   // nothing is mapped there
  Invalid,     // an argument is out of range, misaligned or contradictory
  Denied,      // the permission or limit does not allow it
  Io,          // reading or writing the backing store failed
  PastEnd,     // the file ends before that page
  Busy,        // in use; try again after it is released
  Unsupported, // this host or format cannot do it
};

[[nodiscard]] std::string_view message(Error error);

template <class T = void> using Result = std::expected<T, Error>;
using std::unexpected;

} // namespace pagoda
