// One Metal device: its memory, its kernels, its queues.
//
// Invariants
//  * Every allocation is an MTLBuffer with shared storage. Blocks have addresses of its `contents`, which the host sees;
//    kernels get `gpuAddress` plus the same offset. What is no part of a live buffer never reaches a kernel.
//  * A buffer is released only when all queues of its device have been waited for.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/device/queue.h"
#include "runtime/backends/gpu_kernel.h"
#include "runtime/backends/queue_table.h"
#include "runtime/backends/metal/objc.h"

namespace hologram::metal {

class MetalQueue;

struct MetalKernel final : GpuKernel {   // its blocks are threadgroups
  Owned pipeline;
};

/// A live buffer.
struct Range {
  const char* base = nullptr;
  size_t bytes = 0;
  uint64_t gpu = 0;
  Id buffer = nullptr;
  uint64_t declared = 0;            // in a queue's copy: the encoder that knows of it

  bool holds(const char* p) const { return p >= base && p < base + bytes; }
};

/// The buffers of a device. Queues look addresses up in copies of their own (Addresses): that takes no lock unless memory has
/// been allocated or released since, and allocates nothing.
class Buffers {
 public:
  void add(const Range& range);
  /// Takes the buffer out that begins at `base`.
  Range remove(const void* base);
  /// The one that holds an address; its buffer is null where none does.
  Range find(const void* address);
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  /// Copies all, by address; returns the version of the copy.
  uint64_t copy_to(std::vector<Range>& ranges);

 private:
  std::mutex lock_;
  std::vector<Range> sorted_;
  std::atomic<uint64_t> version_{0};
};

class Addresses {
 public:
  explicit Addresses(Buffers& all) : all_(all) {}
  /// The buffer that holds an address; null: none. Valid until the next call.
  Range* find(const void* address);

 private:
  Buffers& all_;
  std::vector<Range> ranges_;
  size_t last_ = 0;
  uint64_t version_ = 0;
};

class Device {
 public:
  Device(int index, Id handle);
  Device(const Device&) = delete;
  /// A device of this process, opened at the first call. Throws Error.
  static Device& open(int index);
  /// One that was opened, or null.
  static Device* opened(int index);
  static int count();

  int index() const { return index_; }
  Id handle() const { return handle_; }
  KernelCache& kernels() { return kernels_; }
  Buffers& buffers() { return buffers_; }
  DeviceProperties properties() const;
  std::pair<size_t, size_t> memory_info();

  MetalQueue& queue(int stream_index);
  int queues() const { return queues_.made(); }
  /// The queue that was made, or null.
  MetalQueue* existing(int stream_index) const { return queues_.existing(stream_index); }

  /// Host address of a new buffer; nullptr when the system refuses.
  void* allocate(size_t bytes);
  void deallocate(void* data) noexcept;
  /// A buffer that another library made and keeps, until it is forgotten. nullptr where the host does not see it.
  void* adopt(Id buffer, size_t bytes);
  void forget(void* data) noexcept { buffers_.remove(data); }
  /// Waits for what was submitted to any queue.
  void synchronize();

  Kernel* compile(const Key& key);

  /// A command buffer failed: nothing that came from the device since can be believed.
  void lose(const std::string& what);
  bool lost() const { return lost_.load(std::memory_order_acquire); }
  /// Throws where nothing can be asked of the device any more.
  void check_usable() const {
    if (__builtin_expect(lost() || opened_before_fork(), 0)) unusable();
  }
  static bool opened_before_fork() { return forked_.load(std::memory_order_relaxed); }

 private:
  [[noreturn]] void unusable() const;

  static std::atomic<bool> forked_;
  const int index_;
  const Id handle_;
  std::string name_;
  size_t total_bytes_ = 0, largest_bytes_ = 0;
  KernelCache kernels_;
  Buffers buffers_;
  std::mutex losing_;
  QueueTable<MetalQueue> queues_;
  std::atomic<bool> lost_{false};
  std::string loss_;                // what was reported first
};

/// Why there is none; empty where there is one.
const std::string& device_failure();

}  // namespace hologram::metal
