#include "tools/pagoda/session/memory_recorder.hpp"

#include <unistd.h>

namespace pagoda::tools {

using vmm::control::Json;

MemoryRecorder::MemoryRecorder(vmm::control::Handler handler, Output output)
    : handler_(std::move(handler)), output_(std::move(output)), thread_([this] { loop(); }) {}

MemoryRecorder::~MemoryRecorder() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void MemoryRecorder::loop() {
  auto next = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  for (unsigned number = 0; !stop_; ++number) {
    lock.unlock();
    const bool taken = sample(number % kPageblocksEvery == 0);
    lock.lock();
    if (!taken) return;
    next += kInterval;
    stopped_.wait_until(lock, next, [this] { return stop_; });
  }
}

bool MemoryRecorder::sample(bool pageblocks) {
  auto answer = handler_.answer({{"pageblocks", pageblocks}});
  if (!answer) answer = handler_.answer(Json::object()); // too many pageblocks for a picture
  if (!answer) return false;
  if (output_.write(answer->dump(-1, ' ', false, Json::error_handler_t::replace) + "\n")) return true;
  write_all(STDERR_FILENO, "pagoda: --record-memory: the file takes no more; is the disk full?\n");
  return false;
}

} // namespace pagoda::tools
