// Something that can give memory back when it is short: counted first, then scanned in proportion
// (Linux's struct shrinker).
#pragma once

#include <cstdint>
#include <string>

namespace pagoda::phys {

class Shrinker {
public:
  virtual ~Shrinker() = default;
  [[nodiscard]] virtual const char *name() const = 0;
  // Objects that could be freed now; 0: do not ask.
  [[nodiscard]] virtual std::uint64_t count() = 0;
  // Looks at up to `objects` and frees what it can; how many it freed.
  virtual std::uint64_t scan(std::uint64_t objects) = 0;
  // What it costs to make a freed object again, in units of reading it from a disk (DEFAULT_SEEKS 2).
  [[nodiscard]] virtual unsigned seeks() const { return 2; }
};

} // namespace pagoda::phys
