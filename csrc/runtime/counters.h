// Counters that prove decisions in tests. Relaxed atomics; they cost one add on the hot path.
#pragma once

#include <atomic>
#include <cstdint>

namespace hologram {

struct Counters {
  std::atomic<uint64_t> recorded{0};        // ops submitted
  std::atomic<uint64_t> launched{0};        // kernels launched
  std::atomic<uint64_t> cache_hits{0};      // kernel found in memory
  std::atomic<uint64_t> cache_misses{0};    // compiler called (disk or fresh)
  std::atomic<uint64_t> compiled{0};        // machine code generated (not read from disk)
  std::atomic<uint64_t> disk_hits{0};
  std::atomic<uint64_t> parallel_launches{0};
};

Counters& counters();

}  // namespace hologram
