// Exit codes of Pagoda itself; everything else is the guest's (timeout(1) and the shells agree).
#pragma once

namespace pagoda::tools {

inline constexpr int kExitTimeout = 124;
inline constexpr int kExitOwnError = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

} // namespace pagoda::tools
