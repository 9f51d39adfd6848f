#include "guest/linux/exec/vdso.hpp"

namespace pagoda::kernel {

VdsoPlace map_vdso(space::Space &space, const Platform &platform, Gva end) {
  if (!platform.vdso) return {Gva(0), end};
  const auto &slot = *platform.vdso;
  const Gva header = end - (slot.vdso_pages << kPageShift);
  const Gva begin = header - (slot.vvar_pages << kPageShift);
  // A program without a vDSO runs all the same, only slower: failing here is no error.
  if (!space.map_foreign({begin, header}, slot.first, Prot::Read, space::VmaRole::Vvar)) return {Gva(0), end};
  if (!space.map_foreign({header, end}, slot.first + slot.vvar_pages, Prot::Read | Prot::Execute, space::VmaRole::Vdso))
    return {Gva(0), end};
  return {header, begin};
}

} // namespace pagoda::kernel
