#include "guest/linux/proc/slab_text.hpp"

#include <fmt/format.h>
#include <iterator>

namespace pagoda::kernel {

std::string slabinfo_text(std::span<const phys::CacheFigures> caches) {
  std::string text = "slabinfo - version: 2.1\n"
                     "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables "
                     "<limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n";
  for (const phys::CacheFigures &cache : caches)
    fmt::format_to(std::back_inserter(text),
                   "{:<17} {:6} {:6} {:6} {:4} {:4} : tunables {:4} {:4} {:4} : slabdata {:6} {:6} {:6}\n", cache.name,
                   cache.active_objects, cache.total_objects, cache.stride, cache.objects_per_slab,
                   cache.pages_per_slab, cache.array_limit, cache.array_batch, 0, cache.active_slabs, cache.total_slabs,
                   cache.shared_objects);
  return text;
}

} // namespace pagoda::kernel
