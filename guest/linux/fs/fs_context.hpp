// Where a process stands in the file system: root of its view, working directory, umask.
#pragma once

#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>

#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class FsContext {
public:
  FsContext(std::string working_directory, mode_t umask) : cwd_(std::move(working_directory)), umask_(umask) {}
  FsContext(const FsContext &other);
  [[nodiscard]] std::string cwd() const; // absolute guest path, normalised
  void set_cwd(std::string path);
  [[nodiscard]] mode_t umask() const;
  mode_t exchange_umask(mode_t mask);

private:
  mutable Mutex mutex_;
  std::string cwd_ PAGODA_GUARDED_BY(mutex_);
  mode_t umask_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::kernel
