// What mappings of several processes share by name: files by their identity, and System V segments
// by key. One per kernel.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/memory/shared_file.hpp"
#include "guest/linux/syscall/memory/sysv_segments.hpp"

namespace pagoda::kernel {

class SharedMemory {
public:
  explicit SharedMemory(const Platform &platform)
      : segments(platform), memory_(platform.memory), kernel_memory_(platform.kernel_memory) {}

  // The object of a file's pages. `writer`: the open file, when the mapping may write.
  std::shared_ptr<space::SharedObject> object_of(const std::shared_ptr<space::FileStore> &store,
                                                 const std::shared_ptr<File> &writer);
  // Writes back what changed in a shared mapping of a file; 0 or an errno. Other areas: nothing.
  int write_back(const space::Vma &area);

  SegmentTable segments;

private:
  struct Mapped {
    std::weak_ptr<space::SharedObject> object;
    std::weak_ptr<TrackedStore> store;
  };
  using Key = std::pair<std::uint64_t, std::uint64_t>; // device, inode
  void forget_unmapped() PAGODA_REQUIRES(mutex_);

  phys::PhysicalMemory &memory_;
  space::KernelMemory *kernel_memory_;
  Mutex mutex_;
  std::map<Key, Mapped> files_ PAGODA_GUARDED_BY(mutex_);
};

// The kernel's one, made on first use. Takes Kernel::mutex.
[[nodiscard]] std::shared_ptr<SharedMemory> shared_memory(Kernel &kernel);

// Zero-filled memory to be shared, with the name that /proc/PID/maps shows for it.
[[nodiscard]] std::shared_ptr<space::SharedObject> zero_object(const Platform &platform, std::string name,
                                                               std::uint64_t inode);

} // namespace pagoda::kernel
