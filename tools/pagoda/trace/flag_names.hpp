// Names for the flag and choice arguments of system calls, by the call's name and the argument's
// index: O_RDONLY|O_CLOEXEC, PROT_READ, SEEK_SET, … (the manual page of each call).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pagoda::tools {

// Nothing when this argument is not of that sort. Bits without a name appear as hex.
[[nodiscard]] std::optional<std::string> flag_argument(std::string_view call, unsigned index, std::uint64_t value);

} // namespace pagoda::tools
