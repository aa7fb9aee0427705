// What the last circuits became, for explain(): a ring of fixed records, written at every flush.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/kernels/kernel.h"
#include "runtime/trace/reason.h"

namespace hologram {

const char* reason_name(Reason reason);

struct CircuitRecord {
  uint64_t window = 0;                 // number of the window it was in, over all streams; remember() sets it
  Reason reason = Reason::Read;
  uint16_t ops = 0;                    // recorded ops
  bool compiled = false;               // a kernel was not in the cache
  uint8_t num_kernels = 0;             // 0: its results could not be seen; 2: a fold in two launches
  const Kernel* kernels[2] = {};
  int64_t elements = 0;
  int64_t bytes_recorded = 0, bytes_moved = 0;
  uint64_t caller = 0;                 // FusionGroup::caller
};

/// Adds the circuits of one window, oldest first, and gives them their window's number.
void remember(CircuitRecord* records, size_t count);
/// The last records, oldest first.
std::vector<CircuitRecord> recent_circuits(size_t limit);

}  // namespace hologram
