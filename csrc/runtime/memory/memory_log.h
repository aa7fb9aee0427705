// Tells a profiler, and keeps for a picture, what the pools give out and take back. Costs nothing while it is off.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hologram {

class Queue;

/// `bytes` at `data` were given out, or were taken back where it is negative; the pools of the queue hold `allocated` and `reserved` bytes
/// after that. Called by the thread that does it, without a lock.
using MemorySink = void (*)(const Queue& queue, void* data, int64_t bytes, size_t allocated, size_t reserved);

enum class MemoryReader : int { Profiler, Picture };
/// Null: none.
void set_memory_sink(MemoryReader reader, MemorySink sink);

struct MemoryEvent {
  int64_t when;             // nanoseconds since the epoch
  const Queue* queue;
  const void* memory;
  int64_t bytes;            // given out; below 0: taken back
  size_t allocated, reserved;   // of the queue's pools, afterwards
};
/// Keeps events, from now on or no more. Begins with none.
void keep_memory_events(bool on);
std::vector<MemoryEvent> memory_events();

// For the pools.
extern std::atomic<bool> memory_is_told;
void tell_memory(const Queue& queue, void* data, int64_t bytes, size_t allocated, size_t reserved);

}  // namespace hologram
