// What the last circuits became, and the calls of libraries between them, for explain(): a ring of fixed records in the order in which the
// work ran, and a ring of the memory that it read and wrote. Times are taken while someone watches (watch_work).
//
// Memory is known by the address of its block. What wrote an address last is what a later reader reads: an address that is reused is
// written before it is read.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/kernels/kernel.h"
#include "runtime/trace/reason.h"

namespace hologram {

const char* reason_name(Reason reason);

/// Memory that work reads or writes.
struct OperandRecord {
  const void* memory;
  int64_t bytes;
  bool written;
};

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
  int group = 0;  // its number in the window
  const char* library = nullptr;  // the op's name where it is a call of a library: it has no kernels and no window
  uint64_t first_operand = 0;  // in the ring of operands, or in the list that is given to remember()
  int num_operands = 0;
  int64_t started = 0;  // nanoseconds since the epoch; 0: no one watched
  double microseconds = 0;  // 0: not known
};

/// Adds the circuits of one window, oldest first, and gives them their window's number.
void remember(CircuitRecord* records, size_t count, const OperandRecord* operands);
/// Adds a call of a library that ran. `name` lives for ever. `started`: what work_clock() said when it began.
void remember_call(const char* name, const OperandRecord* operands, int count, int64_t started);

struct WorkRecord {
  CircuitRecord what;
  std::vector<OperandRecord> operands;  // empty where they were overwritten by later ones
};
/// The last records with as many circuits among them, oldest first; of some hundreds that are kept.
std::vector<WorkRecord> recent_work(size_t circuits);

/// From now on times are taken and records kept, or no more: each call with true needs one with false. What began at `since` or later.
void watch_work(bool on);
std::vector<WorkRecord> watched_work(int64_t since);
extern std::atomic<int> work_watchers;
inline bool work_is_watched() { return __builtin_expect(work_watchers.load(std::memory_order_relaxed) != 0, 0); }
int64_t nanoseconds_now();
/// Nanoseconds since the epoch; 0 while no one watches.
inline int64_t work_clock() { return work_is_watched() ? nanoseconds_now() : 0; }

}  // namespace hologram
