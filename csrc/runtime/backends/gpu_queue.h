// What the queues of GPUs have in common, whatever the driver: their numbers, the choice of each thread, memory that they share.
//
// `Device` is the backend's class of one device. It has open(index), opened(index) and count(), and a QueueTable.
#pragma once

#include <cstdint>
#include <utility>

#include "runtime/backends/queue_table.h"
#include "runtime/backends/shared_blocks.h"
#include "runtime/base/counters.h"
#include "runtime/device/queue.h"
#include "runtime/kernels/kernel.h"
#include "runtime/kernels/launch_log.h"
#include "runtime/memory/memory.h"
#include "runtime/trace/stream.h"

namespace hologram {

template <class Device>
class GpuQueue : public Queue {
 public:
  int device_count() const final { return Device::count(); }
  Queue& queue(int device, int stream_index) final { return Device::open(device).queue(stream_index); }
  int queues(int device) const final {
    const Device* opened = Device::opened(device);
    return opened ? opened->queues() : 0;
  }
  int max_queues() const final { return kMaxQueues; }
  void use_stream(int device, int stream_index) final {
    Device::open(device).queue(stream_index);
    if (device < kMaxDevices) stream_of_thread_[device] = static_cast<uint8_t>(stream_index);
  }

  void record_use(Block& block, Queue& user) final { shared_.record_use(block, user); }
  std::pair<size_t, size_t> memory_info() final { return owner_.memory_info(); }
  DeviceProperties properties() final { return owner_.properties(); }
  Kernel* compile(const Key& key) final { return owner_.compile(key); }

  void synchronize_device() final {
    each_of_device([](GpuQueue& queue) { queue.stream().flush(Reason::Synchronize); });
    owner_.synchronize();
    each_of_device([](GpuQueue& queue) { queue.shared_.collect(); });
  }

 protected:
  GpuQueue(const BackendInfo& info, Device& device, int stream_index)
      : Queue(info), owner_(device), own_(*this, stream_index), shared_(*this) {
    stream_ = &own_;
    kernels_ = &device.kernels();
    one_queue_ = false;
    device_ = device.index();
  }

  Queue& thread_queue(int device) final { return Device::open(device).queue(device < kMaxDevices ? stream_of_thread_[device] : 0); }

  /// The system refused memory: what the other queues of the device keep for later is worth more here.
  void empty_other_caches() {
    each_of_device([this](GpuQueue& queue) {
      if (&queue != this) empty_cache(queue);
    });
  }

  static void count(const Kernel& kernel, int64_t items, int64_t per_item, unsigned blocks) {
    add_to(Counter::launched);
    kernel.launches.store(kernel.launches.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (__builtin_expect(launch_logged(), 0)) log_launch({&kernel, items, per_item, static_cast<int>(blocks), 0});
  }

  Device& owner_;
  Stream own_;
  SharedBlocks shared_;

 private:
  template <class F>
  void each_of_device(F f) {
    for (int i = 0; i < owner_.queues(); ++i)
      if (auto* queue = owner_.existing(i)) f(*queue);
  }

  static constexpr int kMaxDevices = 64;
  static inline thread_local uint8_t stream_of_thread_[kMaxDevices] = {};
};

}  // namespace hologram
