// The queues of one GPU: lane 0 and those that the program's streams asked for.
#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>

#include "runtime/device/backend.h"

namespace hologram {

constexpr int kMaxLanes = 33;     // the default queue and as many as CUDA's own pool of streams holds

template <class Queue>
class Lanes {
 public:
  /// One past the last that was made.
  int made() const { return made_.load(std::memory_order_acquire); }
  /// The lane that was made, or null.
  Queue* existing(int lane) const { return lanes_[lane].load(std::memory_order_acquire); }

  /// The lane, made when it is first asked for and never destroyed: its memory outlives everything. `lane` < kMaxLanes.
  template <class Device>
  Queue& get(Device& device, int lane) {
    if (Queue* found = existing(lane)) return *found;
    std::lock_guard<std::mutex> hold(making_);
    if (Queue* found = existing(lane)) return *found;
    auto* queue = new Queue(device, lane);
    lanes_[lane].store(queue, std::memory_order_release);
    made_.store(std::max(made_.load(), lane + 1), std::memory_order_release);
    note_several_queues();
    return *queue;
  }

 private:
  std::mutex making_;
  std::atomic<Queue*> lanes_[kMaxLanes] = {};
  std::atomic<int> made_{0};
};

}  // namespace hologram
