// getdents, getcwd, chdir and umask.
#include <cstddef>
#include <cstring>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr std::size_t kLargestBatch = 65536;

// Packs entries as getdents64 or the older getdents lays them out.
class Packer final : public DirectorySink {
public:
  Packer(std::size_t limit, bool old_layout) : limit_(limit), old_(old_layout) {}

  bool entry(std::uint64_t inode, std::uint64_t next, unsigned char type, std::string_view name) override {
    // d_ino, d_off, d_reclen; then d_type and the name, or the name with d_type as the last byte.
    std::size_t header = old_ ? 18 : 19;
    std::size_t length = (header + name.size() + 1 + (old_ ? 1 : 0) + 7) & ~std::size_t(7);
    if (bytes_.size() + length > limit_) {
      too_small_ = bytes_.empty();
      return false;
    }
    std::size_t at = bytes_.size();
    bytes_.resize(at + length);
    auto reclen = std::uint16_t(length);
    std::memcpy(bytes_.data() + at, &inode, 8);
    std::memcpy(bytes_.data() + at + 8, &next, 8);
    std::memcpy(bytes_.data() + at + 16, &reclen, 2);
    if (!old_) bytes_[at + 18] = std::byte(type);
    std::memcpy(bytes_.data() + at + header, name.data(), name.size());
    if (old_) bytes_[at + length - 1] = std::byte(type);
    return true;
  }
  [[nodiscard]] const std::vector<std::byte> &bytes() const { return bytes_; }
  [[nodiscard]] bool too_small() const { return too_small_; }

private:
  std::size_t limit_;
  bool old_;
  bool too_small_ = false;
  std::vector<std::byte> bytes_;
};

SysResult list(Call &call, bool old_layout) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  Packer packer(std::min<std::size_t>(call.arg_uint(2), kLargestBatch), old_layout);
  if (int error = file->list(view_of(call), packer); error != 0) return error;
  if (packer.too_small()) return fail(EINVAL);
  const auto &bytes = packer.bytes();
  if (fault::copy_out(*call.process.space, call.arg_gva(1), bytes) != bytes.size()) return fail(EFAULT);
  return std::int64_t(bytes.size());
}

SysResult enter(Call &call, const std::expected<Location, int> &at) {
  if (!at) return fail(at.error());
  if (!at->is_directory()) return fail(ENOTDIR);
  int fd = at->file ? at->file->host_fd() : at->fd.get();
  if (at->node == nullptr && fd >= 0 && ::faccessat(fd, "", X_OK, AT_EMPTY_PATH) != 0) return fail(EACCES);
  if (!at->path.starts_with('/')) return fail(EACCES);
  call.process.fs->set_cwd(at->path);
  return 0;
}

} // namespace

SysResult do_getdents(Call &call) { return list(call, true); }
SysResult do_getdents64(Call &call) { return list(call, false); }

SysResult do_getcwd(Call &call) {
  std::string cwd = call.process.fs->cwd();
  if (call.arg(1) < cwd.size() + 1) return fail(ERANGE);
  auto bytes = std::as_bytes(std::span(cwd.c_str(), cwd.size() + 1));
  if (fault::copy_out(*call.process.space, call.arg_gva(0), bytes) != bytes.size()) return fail(EFAULT);
  return std::int64_t(bytes.size());
}

SysResult do_chdir(Call &call) { return enter(call, locate(call, AT_FDCWD, 0, 0, Follow::Yes)); }

SysResult do_fchdir(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  Location at;
  if (int error = file->status(at.st); error != 0) return error;
  at.path = file->path();
  at.file = std::move(file);
  return enter(call, std::move(at));
}

SysResult do_chroot(Call &call) {
  auto at = locate(call, AT_FDCWD, 0, 0, Follow::Yes);
  return fail(at ? EPERM : at.error());
}

// What a guest sees is fixed when it starts.
SysResult do_mount_call(Call &) { return fail(EPERM); }
SysResult do_name_to_handle_at(Call &) { return fail(EOPNOTSUPP); }

SysResult do_umask(Call &call) { return std::int64_t(call.process.fs->exchange_umask(mode_t(call.arg_uint(0)))); }

} // namespace pagoda::kernel::files
