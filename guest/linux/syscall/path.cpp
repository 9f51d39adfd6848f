// The path family: names and attributes of files (guest/linux/syscall/files/).
#include <array>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> path_calls() {
  using namespace files;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {4, "stat", do_stat, "sp"},
      {5, "fstat", do_fstat, "fp"},
      {6, "lstat", do_lstat, "sp"},
      {21, "access", do_access, "sx"},
      {82, "rename", do_rename, "ss"},
      {83, "mkdir", do_mkdir, "so"},
      {84, "rmdir", do_rmdir, "s"},
      {86, "link", do_link, "ss"},
      {87, "unlink", do_unlink, "s"},
      {88, "symlink", do_symlink, "ss"},
      {89, "readlink", do_readlink, "spu"},
      {90, "chmod", do_chmod, "so"},
      {91, "fchmod", do_fchmod, "fo"},
      {92, "chown", do_chown, "sdd"},
      {93, "fchown", do_fchown, "fdd"},
      {94, "lchown", do_lchown, "sdd"},
      {132, "utime", do_utime, "sp"},
      {133, "mknod", do_mknod, "sox"},
      {137, "statfs", do_statfs, "sp"},
      {138, "fstatfs", do_fstatfs, "fp"},
      {155, "pivot_root", do_mount_call, "ss"},
      {165, "mount", do_mount_call, "sssxp"},
      {166, "umount2", do_mount_call, "sx"},
      {188, "setxattr", do_setxattr, "sspux"},
      {189, "lsetxattr", do_lsetxattr, "sspux"},
      {190, "fsetxattr", do_fsetxattr, "fspux"},
      {191, "getxattr", do_getxattr, "sspu"},
      {192, "lgetxattr", do_lgetxattr, "sspu"},
      {193, "fgetxattr", do_fgetxattr, "fspu"},
      {194, "listxattr", do_listxattr, "spu"},
      {195, "llistxattr", do_llistxattr, "spu"},
      {196, "flistxattr", do_flistxattr, "fpu"},
      {197, "removexattr", do_removexattr, "ss"},
      {198, "lremovexattr", do_lremovexattr, "ss"},
      {199, "fremovexattr", do_fremovexattr, "fs"},
      {235, "utimes", do_utimes, "sp"},
      {258, "mkdirat", do_mkdirat, "fso"},
      {259, "mknodat", do_mknodat, "fsox"},
      {260, "fchownat", do_fchownat, "fsddx"},
      {261, "futimesat", do_futimesat, "fsp"},
      {262, "newfstatat", do_newfstatat, "fspx"},
      {263, "unlinkat", do_unlinkat, "fsx"},
      {264, "renameat", do_renameat, "fsfs"},
      {265, "linkat", do_linkat, "fsfsx"},
      {266, "symlinkat", do_symlinkat, "sfs"},
      {267, "readlinkat", do_readlinkat, "fspu"},
      {268, "fchmodat", do_fchmodat, "fso"},
      {269, "faccessat", do_faccessat, "fsx"},
      {280, "utimensat", do_utimensat, "fspx"},
      {303, "name_to_handle_at", do_name_to_handle_at, "fsppx"},
      {304, "open_by_handle_at", do_mount_call, "fpx"},
      {316, "renameat2", do_renameat2, "fsfsx"},
      {332, "statx", do_statx, "fsxxp"},
      {428, "open_tree", do_mount_call, "fsx"},
      {429, "move_mount", do_mount_call, "fsfsx"},
      {430, "fsopen", do_mount_call, "sx"},
      {431, "fsconfig", do_mount_call, "fusps"},
      {432, "fsmount", do_mount_call, "fxx"},
      {433, "fspick", do_mount_call, "fsx"},
      {439, "faccessat2", do_faccessat2, "fsxx"},
      {442, "mount_setattr", do_mount_call, "fsxpu"},
      {452, "fchmodat2", do_fchmodat2, "fsox"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
