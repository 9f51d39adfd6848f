#include "vmm/vdso_slot.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "vmm/vdso_getcpu.hpp"

namespace pagoda::vmm {
namespace {

struct Line {
  std::uint64_t begin = 0, end = 0;
  bool code = false;
};

std::optional<Line> parse(std::string_view text) {
  const bool code = text.ends_with("[vdso]");
  if (!code && text.find("[vvar") == std::string_view::npos) return std::nullopt;
  Line line;
  line.code = code;
  const char *end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, line.begin, 16);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, line.end, 16);
  if (second.ec != std::errc{} || line.end <= line.begin) return std::nullopt;
  return line;
}

std::string read_own_maps() {
  std::string text;
  Fd fd(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  if (!fd) return text;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, std::size_t(got));
  }
}

} // namespace

std::optional<HostVdso> find_host_vdso(std::string_view maps) {
  std::vector<Line> lines;
  for (std::size_t at = 0; at < maps.size();) {
    const std::size_t end = std::min(maps.find('\n', at), maps.size());
    if (auto line = parse(maps.substr(at, end - at))) lines.push_back(*line);
    at = end + 1;
  }
  std::ranges::sort(lines, {}, &Line::begin);
  if (lines.size() < 2 || !lines.back().code) return std::nullopt;
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    if (lines[i].code || lines[i].end != lines[i + 1].begin) return std::nullopt;
  }
  const Line &code = lines.back();
  return HostVdso{Hva(lines.front().begin), (code.begin - lines.front().begin) >> kPageShift,
                  (code.end - code.begin) >> kPageShift};
}

VdsoCopy::~VdsoCopy() {
  if (pages_ != nullptr) ::munmap(pages_, bytes_);
}

bool VdsoCopy::make(const HostVdso &vdso) {
  bytes_ = vdso.vdso_pages << kPageShift;
  void *at = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return false;
  pages_ = at;
  const Hva code = vdso.begin + (vdso.vvar_pages << kPageShift);
  std::memcpy(at, reinterpret_cast<const void *>(code.value()), bytes_);
  return redirect_getcpu({static_cast<std::byte *>(at), bytes_});
}

std::optional<kernel::VdsoSlot> add_vdso_slot(Vm &vm, VdsoCopy *copy) {
  const auto vdso = find_host_vdso(read_own_maps());
  if (!vdso) return std::nullopt;
  const std::uint64_t data = vdso->vvar_pages << kPageShift, code = vdso->vdso_pages << kPageShift;
  const auto *host = reinterpret_cast<const std::byte *>(vdso->begin.value());
  const bool copied = copy != nullptr && copy->make(*vdso);
  if (!copied) {
    if (!vm.add_slot(kVdsoGpa, data + code, host, SlotAccess::ReadOnly)) return std::nullopt;
  } else {
    if (!vm.add_slot(kVdsoGpa, data, host, SlotAccess::ReadOnly)) return std::nullopt;
    if (!vm.add_slot(kVdsoGpa + data, code, copy->pages(), SlotAccess::ReadOnly)) return std::nullopt;
  }
  return kernel::VdsoSlot{Gfn::of(kVdsoGpa), vdso->vvar_pages, vdso->vdso_pages};
}

} // namespace pagoda::vmm
