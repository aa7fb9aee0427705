// The kernels of one device, found by key without a lock.
#pragma once

#include <atomic>
#include <cstddef>

namespace hologram {

class Queue;
struct Kernel;
struct Key;

class KernelCache {
 public:
  const Kernel* find(const Key& key) const;
  /// Adds `kernel` unless another thread compiled the same key first; returns the one that is in the cache.
  const Kernel* insert(const Key& key, Kernel* kernel);

 private:
  struct Table;
  static void put(Table& table, const Kernel* kernel);
  static const Kernel* look_up(const Table* table, const Key& key);

  std::atomic<Table*> current_{nullptr};
  size_t filled_ = 0;   // with the lock held
};

/// Those of the CPU.
KernelCache& host_kernels();

/// The kernel for `key` on a backend, compiled on a miss. Thread-safe.
const Kernel* find_kernel(Queue& queue, const Key& key);

}  // namespace hologram
