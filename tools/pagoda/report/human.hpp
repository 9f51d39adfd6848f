// Numbers for people: thousands separated, sizes and times in the unit that fits.
#pragma once

#include <cstdint>
#include <string>

namespace pagoda::tools {

[[nodiscard]] std::string human_count(std::uint64_t count);      // 12,345
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);      // 1.5 MiB
[[nodiscard]] std::string human_time(std::uint64_t nanoseconds); // 3.14 ms
[[nodiscard]] inline std::string human_pages(std::uint64_t pages) { return human_bytes(pages << 12); }
[[nodiscard]] std::string human_share(std::uint64_t part, std::uint64_t whole); // 12.3 %

} // namespace pagoda::tools
