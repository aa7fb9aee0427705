// Tells a profiler what the pools give out and take back. Costs nothing while it is off.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hologram {

class Queue;

/// `bytes` at `data` were given out, or were taken back where it is negative; the pools of the queue hold `allocated` and `reserved` bytes
/// after that. Called by the thread that does it, without a lock.
using MemorySink = void (*)(const Queue& queue, void* data, int64_t bytes, size_t allocated, size_t reserved);

extern std::atomic<MemorySink> memory_sink;     // null: none

}  // namespace hologram
