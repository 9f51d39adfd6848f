// The file family: opening, reading and writing (guest/linux/syscall/files/).
#include <array>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> file_calls() {
  using namespace files;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {0, "read", do_read, "fpu"},
      {1, "write", do_write, "fbu"},
      {2, "open", do_open, "sxo"},
      {3, "close", do_close, "f"},
      {8, "lseek", do_lseek, "fdd"},
      {17, "pread64", do_pread64, "fpuu"},
      {18, "pwrite64", do_pwrite64, "fbuu"},
      {19, "readv", do_readv, "fpu"},
      {20, "writev", do_writev, "fpu"},
      {40, "sendfile", do_sendfile, "ffpu"},
      {74, "fsync", do_fsync, "f"},
      {75, "fdatasync", do_fsync, "f"},
      {76, "truncate", do_truncate, "su"},
      {77, "ftruncate", do_ftruncate, "fu"},
      {85, "creat", do_creat, "so"},
      {162, "sync", do_sync, ""},
      {187, "readahead", do_readahead, "fuu"},
      {221, "fadvise64", do_fadvise64, "fuud"},
      {257, "openat", do_openat, "fsxo"},
      {275, "splice", do_splice, "fpfpux"},
      {276, "tee", do_tee, "ffux"},
      {277, "sync_file_range", do_sync_file_range, "fuux"},
      {278, "vmsplice", do_vmsplice, "fpux"},
      {285, "fallocate", do_fallocate, "fxuu"},
      {295, "preadv", do_preadv, "fpuu"},
      {296, "pwritev", do_pwritev, "fpuu"},
      {306, "syncfs", do_syncfs, "f"},
      {326, "copy_file_range", do_copy_file_range, "fpfpux"},
      {327, "preadv2", do_preadv2, "fpuuux"},
      {328, "pwritev2", do_pwritev2, "fpuuux"},
      {436, "close_range", do_close_range, "uux"},
      {437, "openat2", do_openat2, "fspu"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
