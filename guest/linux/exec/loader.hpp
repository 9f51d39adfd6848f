// Loading a program as Linux does: script lines, ELF segments, interpreter, stack and auxv.
//
// Source: System V ABI (AMD64 supplement) 3.4, Linux fs/binfmt_elf.c as behaviour, execve(2).
// Everything in the file is hostile until checked: sizes, offsets and counts are bounded before use.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "guest/linux/process.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::kernel {

struct LoadRequest {
  std::string path; // absolute guest path
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  const Credentials &credentials;
  const Process *process = nullptr; // whose view of the file system; null for init
  std::uint64_t stack_limit = 8ull << 20;
};

struct LoadedProgram {
  std::shared_ptr<space::Space> space;
  ImageLayout image;
  Registers registers; // rip and rsp set, the rest as execve leaves it
  std::string name;    // comm
};

struct LoadError {
  int error = 0;           // ENOEXEC, ENOENT, EACCES, E2BIG, ELOOP, ENOMEM, EINVAL, ELIBBAD…
  std::string interpreter; // that it is about: of a script line or PT_INTERP; empty: the program itself
};
std::expected<LoadedProgram, LoadError> load_program(Kernel &kernel, const LoadRequest &request);

} // namespace pagoda::kernel
