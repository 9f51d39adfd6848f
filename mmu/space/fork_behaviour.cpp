#include "mmu/space/space.hpp"

namespace pagoda::space {

Result<> Space::set_fork_behaviour(GvaRange range, ForkBehaviour behaviour) {
  const LockGuard guard(mutex);
  if (!areas_.covers(range)) return unexpected(Error::NotMapped);
  if (behaviour == ForkBehaviour::Wipe) {
    bool private_anonymous = true;
    areas_.for_each(range, [&](const Vma &area) {
      if (area.shared || area.file || area.object || area.fixed_frames) private_anonymous = false;
    });
    if (!private_anonymous) return unexpected(Error::Invalid);
  }
  areas_.update(range, [&](Vma &area) {
    switch (behaviour) {
    case ForkBehaviour::Inherit: area.dont_fork = false; break;
    case ForkBehaviour::Omit: area.dont_fork = true; break;
    case ForkBehaviour::Wipe: area.wipe_on_fork = true; break;
    case ForkBehaviour::Keep: area.wipe_on_fork = false; break;
    }
  });
  return {};
}

} // namespace pagoda::space
