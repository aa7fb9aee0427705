// A queue of a Metal device: one MTLCommandQueue with its pools and recorded ops.
//
// The host sees the memory, but what was launched runs while the host goes on: a caller that touches blocks outside the queue waits
// first (Queue::wait_for_device).
#pragma once

#include "runtime/backends/gpu_queue.h"
#include "runtime/backends/metal/commands.h"

namespace hologram::metal {

extern const BackendInfo info;

class MetalQueue final : public GpuQueue<Device> {
 public:
  MetalQueue(Device& device, int stream_index);

  Commands& commands() { return commands_; }
  Device& owner() const { return owner_; }
  void lead(Id command_buffer);
  void follow(Id command_buffer);

  void* allocate(size_t bytes) override;
  void deallocate(void* data, size_t bytes) override { owner_.deallocate(data); }
  void* allocate_pinned(size_t bytes) override;
  void free_pinned(void* data) override { owner_.deallocate(data); }
  void release_shared(Block* block) noexcept override;

  void copy(void* dst, const void* src, size_t bytes) override;
  void upload(void* dst, const void* src, size_t bytes, bool pinned) override;
  void download(void* dst, const void* src, size_t bytes, bool pinned) override;
  void copy_from(Queue& other, void* dst, const void* src, size_t bytes) override;

  void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int64_t per_item) override;
  void launch_many(const Kernel& kernel, const Launch* launches, int count) override;

  void synchronize() override { commands_.wait(); }
  void wait_for_device() override { owner_.synchronize(); }
  bool idle() override { return commands_.idle(); }
  void* native_handle() override { return commands_.handle(); }
  void record_event(void** event, bool timed) override;
  void wait_event(void* event) override;
  bool event_done(void* event) override;
  void synchronize_event(void* event) override;
  double elapsed_milliseconds(void* first, void* second) override;
  void destroy_event(void* event) noexcept override;

 private:
  void launch_records(const MetalKernel& kernel, const Launch* launches, int count);
  void copy_by_host(void* dst, const void* src, size_t bytes);

  Commands commands_;
  std::mutex marker_lock_;
  Mark marker_;
  Mark lead_, follow_;              // of a library's queue; with marker_lock_
};

}  // namespace hologram::metal
