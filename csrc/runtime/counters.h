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
  std::atomic<uint64_t> circuits{0};        // groups of ops that became kernels
  std::atomic<uint64_t> dropped{0};         // recorded ops that never ran: nobody could see their results
  std::atomic<uint64_t> bytes_recorded{0};  // operands of all recorded ops ...
  std::atomic<uint64_t> bytes_moved{0};     // ... and of the kernels that ran instead
};

Counters& counters();

}  // namespace hologram
