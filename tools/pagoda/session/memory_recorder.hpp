// `--record-memory`: a sample of the guest's memory every so often, as JSON lines that `pagoda report
// memory` draws.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tools/pagoda/session/output.hpp"
#include "vmm/control/handlers.hpp"

namespace pagoda::tools {

class MemoryRecorder {
public:
  static constexpr std::chrono::milliseconds kInterval{50};
  // Every pageblock is part of a sample this often: they are most of its bytes.
  static constexpr unsigned kPageblocksEvery = 4;

  // `handler` answers "memory"; what it looks at outlives this.
  MemoryRecorder(vmm::control::Handler handler, Output output);
  ~MemoryRecorder(); // takes no more samples
  MemoryRecorder(const MemoryRecorder &) = delete;
  MemoryRecorder &operator=(const MemoryRecorder &) = delete;

private:
  void loop();
  [[nodiscard]] bool sample(bool pageblocks); // false: the file takes no more

  vmm::control::Handler handler_;
  Output output_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

} // namespace pagoda::tools
