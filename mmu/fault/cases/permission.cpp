#include "mmu/fault/cases/cases.hpp"

namespace pagoda::fault {

std::optional<Outcome> check_permission(const space::Vma &area, Access access) {
  if (area.permits(access)) return std::nullopt;
  return Outcome{Case::Permission, 0};
}

} // namespace pagoda::fault
