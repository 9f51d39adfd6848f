#include "guest/linux/exec/loader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cpuid.h>
#include <elf.h>

#include "guest/linux/exec/address_layout.hpp"
#include "guest/linux/exec/elf.hpp"
#include "guest/linux/exec/map_image.hpp"
#include "guest/linux/exec/script.hpp"
#include "guest/linux/exec/stack_image.hpp"
#include "guest/linux/exec/vdso.hpp"
#include "guest/linux/fs/mount_table.hpp"
#include "guest/linux/kernel.hpp"
#include "mmu/fault/guest_memory.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::uint64_t kClockTicks = 100;             // USER_HZ
constexpr std::uint64_t kInitialStack = 128 << 10;     // room below the strings before the first fault
constexpr std::uint64_t kArgumentCeiling = 6ull << 20; // Linux: three quarters of _STK_LIM
constexpr std::size_t kMaxName = 15;                   // TASK_COMM_LEN - 1

// An opened program, as far as execve looks at it before anything is mapped.
struct Program {
  std::shared_ptr<File> file;
  std::shared_ptr<space::FileStore> store;
  ElfImage image;
};

ReadAt reader_of(File &file) {
  return [&file](std::uint64_t offset, std::span<std::byte> out) -> std::int64_t {
    std::uint64_t done = 0;
    while (done < out.size()) {
      const iovec piece{out.data() + done, out.size() - done};
      const auto got = file.read(std::span(&piece, 1), offset + done);
      if (got < 0) return got;
      if (got == 0) break;
      done += std::uint64_t(got);
    }
    return std::int64_t(done);
  };
}

// Follows `#!` lines until a file that is no script is open; `arguments` grows as Linux grows it.
std::expected<std::shared_ptr<File>, LoadError>
open_program(Kernel &kernel, const LoadRequest &request, std::vector<std::string> &arguments, std::string &resolved) {
  std::string path = request.path;
  for (int depth = 0; depth <= kScriptDepth; ++depth) {
    auto file = kernel.mounts().open_executable(request.process, path, resolved);
    const auto fail = [&](int error) { return std::unexpected(LoadError{error, depth > 0 ? path : std::string()}); };
    if (!file) return fail(file.error());
    std::array<std::byte, kScriptLineLimit> head{};
    const auto got = reader_of(**file)(0, head);
    if (got < 0) return fail(int(-got));
    const auto text = std::span(head).first(std::size_t(got));
    if (!is_script(text)) return std::move(*file);
    const auto line = parse_script(text);
    if (!line) return fail(line.error());
    std::vector<std::string> longer{line->interpreter};
    if (line->argument) longer.push_back(*line->argument);
    longer.push_back(path);
    if (arguments.size() > 1) longer.insert(longer.end(), arguments.begin() + 1, arguments.end());
    arguments = std::move(longer);
    path = line->interpreter;
  }
  return std::unexpected(LoadError{ELOOP, path});
}

std::expected<Program, int> inspect(std::shared_ptr<File> file) {
  auto image = parse_elf(reader_of(*file));
  if (!image) return std::unexpected(image.error());
  auto store = file->store();
  if (!store) return std::unexpected(EACCES);
  return Program{std::move(file), std::move(store), std::move(*image)};
}

// The dynamic linker must be a plain ELF itself.
std::expected<std::optional<Program>, int> open_interpreter(Kernel &kernel, const LoadRequest &request,
                                                            const ElfImage &image) {
  if (image.interpreter.empty()) return std::nullopt;
  std::string resolved;
  auto file = kernel.mounts().open_executable(request.process, image.interpreter, resolved);
  if (!file) return std::unexpected(file.error());
  auto program = inspect(std::move(*file));
  if (!program) return std::unexpected(program.error() == ENOEXEC ? ELIBBAD : program.error());
  return std::optional(std::move(*program));
}

std::uint64_t hardware_capabilities() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) ? edx : 0;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> auxiliary(const MappedImage &program, const ElfImage &image,
                                                               const std::optional<MappedImage> &interpreter, Gva vdso,
                                                               const Credentials &who) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> auxv;
  if (vdso.value() != 0) auxv.emplace_back(AT_SYSINFO_EHDR, vdso.value());
  auxv.insert(auxv.end(), {{AT_HWCAP, hardware_capabilities()},
                           {AT_PAGESZ, kPageSize},
                           {AT_CLKTCK, kClockTicks},
                           {AT_PHDR, program.headers.value()},
                           {AT_PHENT, kElfHeaderEntrySize},
                           {AT_PHNUM, image.header_count},
                           {AT_BASE, interpreter ? interpreter->bias : 0},
                           {AT_FLAGS, 0},
                           {AT_ENTRY, program.entry.value()},
                           {AT_UID, who.uid},
                           {AT_EUID, who.euid},
                           {AT_GID, who.gid},
                           {AT_EGID, who.egid},
                           {AT_SECURE, 0},
                           {AT_HWCAP2, 0}});
  return auxv;
}

// Maps the stack area below `top` and puts the image there.
std::expected<void, int> place_stack(space::Space &space, Gva top, const StackImage &image, bool executable,
                                     std::uint64_t limit) {
  const std::uint64_t used = page_ceil(image.bytes.size());
  space::MapRequest request;
  request.length = std::max(used, std::min(used + kInitialStack, page_floor(limit)));
  request.hint = top - request.length;
  request.placement = space::MapRequest::Placement::FixedNoReplace;
  request.area.prot = Prot::Read | Prot::Write | (executable ? Prot::Execute : Prot::None);
  request.area.role = space::VmaRole::Stack;
  request.area.grows_down = true;
  if (auto mapped = space.map(std::move(request)); !mapped) return std::unexpected(ENOMEM);
  if (fault::copy_out(space, image.pointer, image.bytes) != image.bytes.size()) return std::unexpected(ENOMEM);
  return {};
}

// A static position-independent program lies in the mmap area, where a heap behind it would collide:
// its heap goes where programs with an interpreter have theirs.
Gva heap_start(const ElfImage &image, const MappedImage &program, const AddressLayout &layout) {
  const bool in_mmap_area = image.position_independent && image.interpreter.empty();
  const Gva end = in_mmap_area ? layout.image_base : program.end.page_ceil();
  return end + layout.break_gap;
}

std::string base_name(const std::string &path) {
  const auto slash = path.rfind('/');
  return path.substr(slash == std::string::npos ? 0 : slash + 1).substr(0, kMaxName);
}

std::uint64_t random_word(Kernel &kernel) {
  std::uint64_t word = 0;
  kernel.random_bytes(std::as_writable_bytes(std::span(&word, 1)));
  return word;
}

// Everything from here on happens in a new space; the caller's stays whole whatever fails.
std::expected<LoadedProgram, int> build(Kernel &kernel, const LoadRequest &request, const Program &main,
                                        const std::optional<Program> &linker, std::vector<std::string> arguments,
                                        std::string resolved) {
  auto &platform = kernel.platform();
  auto created = space::Space::create(platform.memory, platform.invalidator, platform.kernel_half,
                                      request.process ? request.process->pid() : 1, platform.kernel_memory);
  if (!created) return std::unexpected(ENOMEM);
  auto space = std::move(*created);
  const auto layout =
      randomise_layout(space->user_end(), request.stack_limit, [&kernel] { return random_word(kernel); });
  const auto vdso = map_vdso(*space, platform, layout.mmap_top);
  space->set_mmap_top(vdso.begin);

  const auto base = linker ? std::optional(layout.image_base) : std::nullopt;
  const auto program = map_image(*space, main.image, main.store, base);
  if (!program) return std::unexpected(program.error());
  std::optional<MappedImage> interpreter;
  if (linker) {
    auto mapped = map_image(*space, linker->image, linker->store, std::nullopt);
    if (!mapped) return std::unexpected(mapped.error());
    interpreter = *mapped;
  }

  StackRequest stack{.top = layout.stack_top,
                     .file_name = request.path,
                     .arguments = std::move(arguments),
                     .environment = request.environment,
                     .auxv = auxiliary(*program, main.image, interpreter, vdso.header, request.credentials),
                     .limit = std::min(request.stack_limit / 4, kArgumentCeiling)};
  kernel.random_bytes(stack.random);
  const auto image = build_stack(stack);
  if (!image) return std::unexpected(image.error());
  if (auto done = place_stack(*space, layout.stack_top, *image, main.image.executable_stack, request.stack_limit);
      !done)
    return std::unexpected(done.error());
  const Gva heap = heap_start(main.image, *program, layout);
  space->set_break_start(heap);

  LoadedProgram loaded;
  loaded.registers.rip = (interpreter ? interpreter->entry : program->entry).value();
  loaded.registers.rsp = image->pointer.value();
  loaded.name = base_name(request.path);
  loaded.image = ImageLayout{.code_begin = program->code_begin,
                             .code_end = program->code_end,
                             .data_begin = program->data_begin,
                             .data_end = program->data_end,
                             .break_begin = heap,
                             .stack_top = image->pointer,
                             .arguments = image->arguments,
                             .environment = image->environment,
                             .auxv = image->auxv,
                             .executable = std::move(resolved)};
  loaded.space = std::move(space);
  return loaded;
}

} // namespace

std::expected<LoadedProgram, LoadError> load_program(Kernel &kernel, const LoadRequest &request) {
  auto arguments = request.arguments;
  std::string resolved;
  auto file = open_program(kernel, request, arguments, resolved);
  if (!file) return std::unexpected(file.error());
  auto program = inspect(std::move(*file));
  if (!program) return std::unexpected(LoadError{program.error(), {}});
  auto linker = open_interpreter(kernel, request, program->image);
  if (!linker) return std::unexpected(LoadError{linker.error(), program->image.interpreter});
  auto built = build(kernel, request, *program, *linker, std::move(arguments), std::move(resolved));
  if (!built) return std::unexpected(LoadError{built.error(), {}});
  return std::move(*built);
}

} // namespace pagoda::kernel
