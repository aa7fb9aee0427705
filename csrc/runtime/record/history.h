// What the last circuits became, for explain(): a ring of fixed records, written at every flush.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/kernel.h"

namespace hologram {

/// Why a window ran.
enum class Reason : uint8_t {
  Read,          // the host read a value
  Library,       // a library's kernel needed a value or wrote over one
  Pointer,       // an address left the device
  Full,          // as many ops as a window takes
  Memory,        // memory was waiting to be freed
  Synchronize,   // synchronize, an event or a stream asked for it
  Immediate,     // HOLOGRAM_SYNC, HOLOGRAM_FUSION=0 or no_fusion()
  Switch,        // another backend, or recording was turned off
};
const char* reason_name(Reason reason);

struct CircuitRecord {
  uint64_t window = 0;                 // number of the window it was in
  Reason reason = Reason::Read;
  uint16_t ops = 0;                    // recorded ops
  bool compiled = false;               // a kernel was not in the cache
  uint8_t num_kernels = 0;             // 0: nobody could see its results; 2: a fold in two stages
  const Kernel* kernels[2] = {};
  int64_t elements = 0;
  int64_t bytes_recorded = 0, bytes_moved = 0;
};

void remember(const CircuitRecord& record);
/// The last records, oldest first.
std::vector<CircuitRecord> recent_circuits(size_t limit);

}  // namespace hologram
