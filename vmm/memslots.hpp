// Numbers of memory slots: handed out lowest first, given back, never more than KVM has.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace pagoda::vmm {

class SlotNumbers {
public:
  explicit SlotNumbers(unsigned limit) : limit_(limit) {}

  [[nodiscard]] std::optional<std::uint32_t> take() {
    for (std::uint32_t number = 0; number < used_.size(); ++number) {
      if (used_[number]) continue;
      used_[number] = true;
      return number;
    }
    if (used_.size() >= limit_) return std::nullopt;
    used_.push_back(true);
    return std::uint32_t(used_.size() - 1);
  }
  // False when that number is not in use.
  bool give_back(std::uint32_t number) {
    if (number >= used_.size() || !used_[number]) return false;
    used_[number] = false;
    return true;
  }

private:
  unsigned limit_;
  std::vector<bool> used_;
};

} // namespace pagoda::vmm
