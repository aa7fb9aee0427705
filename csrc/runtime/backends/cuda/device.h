// One CUDA device: its context, its kernels, its queues.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/device/queue.h"
#include "runtime/backends/gpu_kernel.h"
#include "runtime/backends/queue_table.h"
#include "runtime/backends/cuda/driver.h"

namespace hologram::cuda {

class CudaQueue;

struct CudaKernel final : GpuKernel {
  Function direct = nullptr;      // takes one record by value
  Function many = nullptr;        // takes records in device memory
};

class Device {
 public:
  explicit Device(int index);
  Device(const Device&) = delete;
  /// A device of this process, opened at the first call. Throws Error.
  static Device& open(int index);
  /// One that was opened, or null.
  static Device* opened(int index);
  static int count();

  int index() const { return index_; }
  int arch() const { return arch_; }
  Context context() const { return context_; }
  KernelCache& kernels() { return kernels_; }
  DeviceProperties properties() const;
  std::pair<size_t, size_t> memory_info();
  /// The host waits for everything that was submitted to any queue.
  void synchronize();

  CudaQueue& queue(int stream_index);
  int queues() const { return queues_.made(); }
  /// The queue that was made, or null.
  CudaQueue* existing(int stream_index) const { return queues_.existing(stream_index); }

  Kernel* compile(const Key& key);

  /// Throws for a failed call. Errors after which the driver answers nothing but errors mark the device as lost.
  void check(Result result, const char* call) {
    if (__builtin_expect(result != kSuccess, 0)) failed(result, call);
  }
  bool lost() const { return lost_.load(std::memory_order_relaxed); }
  /// Throws where nothing can be asked of the device any more.
  void check_usable() const;

 private:
  [[noreturn]] void failed(Result result, const char* call);

  const int index_;
  DeviceHandle handle_ = 0;
  Context context_ = nullptr;
  int arch_ = 0, multiprocessors_ = 0, threads_per_multiprocessor_ = 0;
  size_t total_bytes_ = 0;
  std::string name_;
  KernelCache kernels_;
  QueueTable<CudaQueue> queues_;
  std::atomic<bool> lost_{false};
  std::string loss_;              // what was reported first
};

/// While alive, calls of this thread mean the device. What torch or another library made current is current again afterwards.
class Current {
 public:
  /// `any`: even a device that was lost, for giving things back.
  explicit Current(Device& device, bool any = false);
  ~Current() {
    if (pushed_) driver().cuCtxPopCurrent_v2(nullptr_context());
  }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  Context* nullptr_context() { return &popped_; }
  Context popped_ = nullptr;
  bool pushed_ = false;
};

}  // namespace hologram::cuda
