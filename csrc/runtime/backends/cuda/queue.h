// A queue of a CUDA device: one CUstream with its pools and recorded ops.
//
// Invariants
//  * Queue 0 is CUDA's default stream, on which torch's own CUDA kernels run unless told otherwise: the order is one. Other
//    queues do not wait for it (CU_STREAM_NON_BLOCKING), as torch's streams do not.
//  * Small host data (records of kernels, small uploads) goes through a ring of pinned memory, so that the call need not wait
//    for the device. A part of the ring is used again only after the queue has been waited for.
#pragma once

#include <mutex>

#include "runtime/backends/cuda/device.h"
#include "runtime/backends/gpu_queue.h"

namespace hologram::cuda {

extern const BackendInfo info;

class CudaQueue final : public GpuQueue<Device> {
 public:
  CudaQueue(Device& device, int stream_index);

  void* allocate(size_t bytes) override;
  void deallocate(void* data, size_t bytes) override;
  void* allocate_pinned(size_t bytes) override;
  void free_pinned(void* data) override;
  void release_shared(Block* block) noexcept override;

  void copy(void* dst, const void* src, size_t bytes) override;
  void upload(void* dst, const void* src, size_t bytes, bool pinned) override;
  void download(void* dst, const void* src, size_t bytes, bool pinned) override;
  void copy_from(Queue& other, void* dst, const void* src, size_t bytes) override;

  void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int64_t per_item) override;
  void launch_many(const Kernel& kernel, const Launch* launches, int count) override;

  void synchronize() override;
  bool idle() override;
  void* native_handle() override { return handle_; }
  void record_event(void** event, bool timed) override;
  void wait_event(void* event) override;
  bool event_done(void* event) override;
  void synchronize_event(void* event) override;
  double elapsed_milliseconds(void* first, void* second) override;
  void destroy_event(void* event) noexcept override;

 private:
  static constexpr size_t kRingBytes = 1 << 20, kRingAlignment = 64;

  void open_ring();                     // with ring_lock_ held, like the next two
  size_t take_ring(size_t bytes);       // offset of a part; waits for the device where all are in use
  void launch_records(const CudaKernel& kernel, const Launch* launches, int count);
  EventHandle marker();                 // an event after what was submitted so far; with marker_lock_ held

  StreamHandle handle_ = nullptr;
  std::mutex ring_lock_, marker_lock_;
  char* ring_ = nullptr;                // host side
  DevicePtr ring_device_ = 0;           // device side, as large
  size_t ring_next_ = 0;
  EventHandle marker_ = nullptr;
};

}  // namespace hologram::cuda
