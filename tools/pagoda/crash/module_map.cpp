#include "tools/pagoda/crash/module_map.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pagoda::tools {

const space::Vma *ModuleMap::area(Gva at) const {
  const auto found = std::ranges::find_if(areas_, [&](const space::Vma &vma) { return vma.range.contains(at); });
  return found == areas_.end() ? nullptr : &*found;
}

bool ModuleMap::executable(Gva at) const {
  const space::Vma *vma = area(at);
  return vma != nullptr && has(vma->prot, Prot::Execute);
}

std::optional<ModuleMap::Place> ModuleMap::place(Gva at) {
  const space::Vma *vma = area(at);
  if (vma == nullptr || !vma->file) return std::nullopt;
  auto known = modules_.find(vma->file.get());
  if (known == modules_.end()) known = modules_.emplace(vma->file.get(), ElfModule::read(*vma->file)).first;
  if (!known->second) return std::nullopt;
  const auto address = known->second->address_of(vma->offset_of(at));
  if (!address) return std::nullopt;
  return Place{&*known->second, *address, at.value() - *address};
}

std::string ModuleMap::describe(Gva at, bool inside_call) {
  const space::Vma *vma = area(at);
  if (vma == nullptr) return "not mapped";
  const Gva looked_up = inside_call ? at - 1 : at;
  const auto where = place(looked_up);
  std::string text;
  if (where)
    if (const auto symbol = where->module->symbol(where->address))
      text = fmt::format("{}+{:#x}", symbol->name, symbol->offset + (inside_call ? 1 : 0));
  if (vma->file) return text + (text.empty() ? "in " : " in ") + vma->file->identity().path;
  if (vma->role == space::VmaRole::Vdso) return "in [vdso]";
  return "in anonymous memory";
}

} // namespace pagoda::tools
