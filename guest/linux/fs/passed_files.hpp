// Guest files on their way through a unix socket (SCM_RIGHTS).
//
// A guest's file is more than its host descriptor, so what travels on the host is a token: the write
// end of a pipe. The receiver finds the file by the pipe's identity. When a message is thrown away
// unread, the token closes on the host, the pipe hangs up, and the next sweep drops the file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "guest/linux/fs/file.hpp"
#include "guest/linux/fs/unique_fd.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class PassedFiles {
public:
  static constexpr std::size_t kMost = 4096; // in flight at once

  // A descriptor to send in the file's place; invalid when there are too many.
  [[nodiscard]] UniqueFd send(std::shared_ptr<File> file);
  // The file behind a received token; null when it is none of ours. `keep`: the message was peeked at.
  [[nodiscard]] std::shared_ptr<File> receive(int token, bool keep);
  void sweep();

private:
  struct InFlight {
    UniqueFd reader;
    std::shared_ptr<File> file;
  };
  void collect(std::map<std::uint64_t, InFlight> &dead) PAGODA_REQUIRES(mutex_);
  Mutex mutex_;
  std::map<std::uint64_t, InFlight> files_ PAGODA_GUARDED_BY(mutex_); // by the pipe's inode
};

} // namespace pagoda::kernel
