// The queues of one GPU: queue 0 and those that the program's streams asked for.
#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>

#include "runtime/device/queue.h"

namespace hologram {

constexpr int kMaxQueues = 33;     // the default queue and as many as CUDA's own pool of streams holds

template <class AnyQueue>
class QueueTable {
 public:
  /// One past the last that was made.
  int made() const { return made_.load(std::memory_order_acquire); }
  /// The queue that was made, or null.
  AnyQueue* existing(int stream_index) const { return queues_[stream_index].load(std::memory_order_acquire); }

  /// The queue, made when it is first asked for and never destroyed: its memory outlives everything. `stream_index` < kMaxQueues.
  template <class Device>
  AnyQueue& get(Device& device, int stream_index) {
    if (AnyQueue* found = existing(stream_index)) return *found;
    std::lock_guard<std::mutex> hold(making_);
    if (AnyQueue* found = existing(stream_index)) return *found;
    auto* queue = new AnyQueue(device, stream_index);
    queues_[stream_index].store(queue, std::memory_order_release);
    made_.store(std::max(made_.load(), stream_index + 1), std::memory_order_release);
    note_several_queues();
    return *queue;
  }

 private:
  std::mutex making_;
  std::atomic<AnyQueue*> queues_[kMaxQueues] = {};
  std::atomic<int> made_{0};
};

}  // namespace hologram
