#include "guest/linux/syscall/memory/shared_memory.hpp"

namespace pagoda::kernel {

namespace {

// st_dev of the kernel's internal shared-memory file system, where such areas live.
constexpr std::uint64_t kShmDevice = 1;

} // namespace

std::shared_ptr<space::SharedObject> zero_object(const Platform &platform, std::string name, std::uint64_t inode) {
  auto object = space::make_object(platform.memory, platform.kernel_memory);
  object->set_label({kShmDevice, inode, std::move(name)});
  return object;
}

void SharedMemory::forget_unmapped() {
  std::erase_if(files_, [](const auto &entry) { return entry.second.object.expired(); });
}

std::shared_ptr<space::SharedObject> SharedMemory::object_of(const std::shared_ptr<space::FileStore> &store,
                                                             const std::shared_ptr<File> &writer) {
  const Key key{store->identity().device, store->identity().inode};
  const LockGuard guard(mutex_);
  if (const auto known = files_.find(key); known != files_.end()) {
    auto object = known->second.object.lock();
    auto tracked = known->second.store.lock();
    if (object && tracked) {
      if (writer) tracked->set_writer(writer);
      return object;
    }
  }
  forget_unmapped();
  auto tracked = std::make_shared<TrackedStore>(store);
  if (writer) tracked->set_writer(writer);
  // When the last mapping goes, what was written there goes to the file before the pages do.
  const auto cache = [this](phys::NamedCache space::KernelMemory::*which) {
    return kernel_memory_ == nullptr ? nullptr : &(kernel_memory_->*which);
  };
  auto *made = new (cache(&space::KernelMemory::shmem_inode_cache))
      space::SharedObject(memory_, tracked, cache(&space::KernelMemory::radix_tree_node));
  std::shared_ptr<space::SharedObject> object(made, [tracked](space::SharedObject *last) {
    (void)tracked->write_back(*last);
    delete last;
  });
  files_[key] = {object, tracked};
  return object;
}

int SharedMemory::write_back(const space::Vma &area) {
  if (!area.shared || !area.object || !area.file) return 0;
  std::shared_ptr<TrackedStore> tracked;
  {
    const LockGuard guard(mutex_);
    const auto known = files_.find({area.file->identity().device, area.file->identity().inode});
    if (known == files_.end() || known->second.object.lock() != area.object) return 0;
    tracked = known->second.store.lock();
  }
  return tracked ? tracked->write_back(*area.object) : 0;
}

std::shared_ptr<SharedMemory> shared_memory(Kernel &kernel) {
  const LockGuard guard(kernel.mutex);
  if (!kernel.shared_memory) kernel.shared_memory = std::make_shared<SharedMemory>(kernel.platform());
  return kernel.shared_memory;
}

} // namespace pagoda::kernel
