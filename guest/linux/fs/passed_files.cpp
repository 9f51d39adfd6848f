#include "guest/linux/fs/passed_files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <vector>

namespace pagoda::kernel {

UniqueFd PassedFiles::send(std::shared_ptr<File> file) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return {};
  UniqueFd reader(ends[0]), writer(ends[1]);
  struct stat st{};
  if (::fstat(reader.get(), &st) != 0) return {};
  sweep();
  LockGuard lock(mutex_);
  if (files_.size() >= kMost) return {};
  files_[st.st_ino] = {std::move(reader), std::move(file)};
  return writer;
}

std::shared_ptr<File> PassedFiles::receive(int token, bool keep) {
  struct stat st{};
  if (::fstat(token, &st) != 0 || !S_ISFIFO(st.st_mode)) return nullptr;
  LockGuard lock(mutex_);
  auto found = files_.find(st.st_ino);
  if (found == files_.end()) return nullptr;
  std::shared_ptr<File> file = found->second.file;
  if (!keep) files_.erase(found);
  return file;
}

void PassedFiles::collect(std::map<std::uint64_t, InFlight> &dead) {
  std::vector<pollfd> polls;
  for (const auto &[inode, entry] : files_) polls.push_back({entry.reader.get(), 0, 0});
  if (polls.empty() || ::poll(polls.data(), polls.size(), 0) <= 0) return;
  std::size_t i = 0;
  for (auto it = files_.begin(); it != files_.end(); ++i) {
    auto next = std::next(it);
    if ((polls[i].revents & POLLHUP) != 0) dead.insert(files_.extract(it));
    it = next;
  }
}

void PassedFiles::sweep() {
  // Destroyed after the lock is dropped: a socket among them may hold further tokens.
  std::map<std::uint64_t, InFlight> dead;
  LockGuard lock(mutex_);
  collect(dead);
}

} // namespace pagoda::kernel
