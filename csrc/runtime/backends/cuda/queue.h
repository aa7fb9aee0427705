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
#include "runtime/backends/shared_blocks.h"
#include "runtime/trace/stream.h"

namespace hologram::cuda {

class CudaQueue final : public Queue {
 public:
  CudaQueue(Device& device, int stream_index);

  const char* name() const override { return kName; }
  int device_count() const override { return cuda::device_count(); }

  Queue& queue(int device, int stream_index) override { return cuda::device(device).queue(stream_index); }
  int queues(int device) const override {
    const Device* opened = opened_device(device);
    return opened ? opened->queues() : 0;
  }
  int max_queues() const override { return kMaxQueues; }
  void use_stream(int device, int stream_index) override;

  void* allocate(size_t bytes) override;
  void deallocate(void* data, size_t bytes) override;
  void* allocate_pinned(size_t bytes) override;
  void free_pinned(void* data) override;
  void record_use(Block& block, Queue& queue) override { shared_.record_use(block, queue); }
  void release_shared(Block* block) noexcept override;
  std::pair<size_t, size_t> memory_info() override { return owner_.memory_info(); }
  DeviceProperties properties() override { return owner_.properties(); }

  void copy(void* dst, const void* src, size_t bytes) override;
  void upload(void* dst, const void* src, size_t bytes, bool pinned) override;
  void download(void* dst, const void* src, size_t bytes, bool pinned) override;
  void copy_from(Queue& other, void* dst, const void* src, size_t bytes) override;

  Kernel* compile(const Key& key) override { return owner_.compile(key); }
  void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int64_t per_item) override;
  void launch_many(const Kernel& kernel, const Launch* launches, int count) override;

  void synchronize() override;
  void synchronize_device() override;
  bool idle() override;
  void* native_handle() override { return handle_; }
  void record_event(void** event, bool timed) override;
  void wait_event(void* event) override;
  bool event_done(void* event) override;
  void synchronize_event(void* event) override;
  double elapsed_milliseconds(void* first, void* second) override;
  void destroy_event(void* event) noexcept override;

 protected:
  Queue& thread_queue(int device) override;

 private:
  static constexpr const char* kName = "cuda";
  static constexpr size_t kRingBytes = 1 << 20, kRingAlignment = 64;

  void open_ring();                     // with ring_lock_ held, like the next two
  size_t take_ring(size_t bytes);       // offset of a part; waits for the device where all are in use
  void launch_records(const CudaKernel& kernel, const Launch* launches, int count);
  unsigned blocks_for(const CudaKernel& kernel, int64_t items) const;
  void count(const Kernel& kernel, int64_t items, int64_t per_item, unsigned blocks);
  EventHandle marker();                 // an event after what was submitted so far; with marker_lock_ held

  Device& owner_;
  StreamHandle handle_ = nullptr;
  Stream own_;
  std::mutex ring_lock_, marker_lock_;
  char* ring_ = nullptr;                // host side
  DevicePtr ring_device_ = 0;           // device side, as large
  size_t ring_next_ = 0;
  EventHandle marker_ = nullptr;
  SharedBlocks shared_;
};

}  // namespace hologram::cuda
