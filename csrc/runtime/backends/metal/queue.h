// A queue of a Metal device: one MTLCommandQueue with its pools and recorded ops.
//
// The host sees the memory, but what was launched runs while the host goes on: a caller that touches blocks outside the queue waits
// first (Queue::wait_for_device).
#pragma once

#include "runtime/backends/metal/commands.h"
#include "runtime/backends/shared_blocks.h"
#include "runtime/trace/stream.h"

namespace hologram::metal {

class MetalQueue final : public Queue {
 public:
  MetalQueue(Device& device, int stream_index);

  Commands& commands() { return commands_; }
  Device& owner() { return owner_; }
  void lead(Id command_buffer);
  void follow(Id command_buffer);

  const char* name() const override { return kName; }
  int device_count() const override { return metal::device_count(); }

  Queue& queue(int device, int stream_index) override { return metal::device(device).queue(stream_index); }
  int queues(int device) const override {
    const Device* opened = opened_device(device);
    return opened ? opened->queues() : 0;
  }
  int max_queues() const override { return kMaxQueues; }
  void use_stream(int device, int stream_index) override;

  void* allocate(size_t bytes) override;
  void deallocate(void* data, size_t bytes) override { owner_.deallocate(data); }
  void* allocate_pinned(size_t bytes) override;
  void free_pinned(void* data) override { owner_.deallocate(data); }
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

  void synchronize() override { commands_.wait(); }
  void synchronize_device() override;
  void wait_for_device() override { owner_.wait_for_device(); }
  bool idle() override { return commands_.idle(); }
  void* native_handle() override { return commands_.handle(); }
  void record_event(void** event, bool timed) override;
  void wait_event(void* event) override;
  bool event_done(void* event) override;
  void synchronize_event(void* event) override;
  double elapsed_milliseconds(void* first, void* second) override;
  void destroy_event(void* event) noexcept override;

 protected:
  Queue& thread_queue(int device) override;

 private:
  static constexpr const char* kName = "metal";

  void launch_records(const MetalKernel& kernel, const Launch* launches, int count);
  unsigned blocks_for(const MetalKernel& kernel, int64_t items) const;
  void copy_by_host(void* dst, const void* src, size_t bytes);

  Device& owner_;
  Commands commands_;
  Stream own_;
  SharedBlocks shared_;
  std::mutex marker_lock_;
  Mark marker_;
  Mark lead_, follow_;              // of a library's queue; with marker_lock_
};

}  // namespace hologram::metal
