// Counters that prove decisions in tests. Each thread counts for itself, so that counting costs a plain add and no count is
// ever lost; a reader sums over the threads.
#pragma once

#include <atomic>
#include <cstdint>

namespace hologram {

// name, meaning
#define HOLOGRAM_COUNTERS(X)                                                             \
  X(recorded)            /* ops submitted */                                             \
  X(launched)            /* kernels launched */                                          \
  X(cache_hits)          /* kernel found in memory */                                    \
  X(cache_misses)        /* compiler called (disk or fresh) */                           \
  X(compiled)            /* machine code generated (not read from disk) */               \
  X(disk_hits)                                                                           \
  X(pack_hits)           /* kernel that came with the package */                         \
  X(parallel_launches)                                                                   \
  X(circuits)            /* groups of ops that became kernels */                         \
  X(dropped)             /* recorded ops that never ran: their results could not be seen */ \
  X(bytes_recorded)      /* operands of all recorded ops ... */                          \
  X(bytes_moved)         /* ... and of the kernels that ran instead */

enum class Counter : uint8_t {
#define HOLOGRAM_NAME(name) name,
  HOLOGRAM_COUNTERS(HOLOGRAM_NAME)
#undef HOLOGRAM_NAME
  Count
};
constexpr int kCounters = static_cast<int>(Counter::Count);
const char* counter_name(Counter counter);

/// What one thread has counted. Only that thread adds; others read.
struct ThreadCounts {
  std::atomic<uint64_t> values[kCounters] = {};
};

namespace detail {
extern thread_local ThreadCounts* my_counts;   // null before the thread's first count
ThreadCounts* start_counting();
}  // namespace detail

inline ThreadCounts& my_counts() {
  ThreadCounts* const mine = detail::my_counts;
  return *(__builtin_expect(mine != nullptr, 1) ? mine : detail::start_counting());
}

inline void add_to(Counter counter, uint64_t n = 1) {
  auto& value = my_counts().values[static_cast<int>(counter)];
  value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}
/// Of the calling thread, since it began.
inline uint64_t my_count(Counter counter) {
  return my_counts().values[static_cast<int>(counter)].load(std::memory_order_relaxed);
}

struct Counters {
  uint64_t values[kCounters] = {};
  uint64_t operator[](Counter counter) const { return values[static_cast<int>(counter)]; }
};
/// Of all threads, those that have ended too, since the last reset.
Counters read_counters();
void reset_counters();

}  // namespace hologram
