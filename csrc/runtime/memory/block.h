// A Block is one reserved range of device memory, reference-counted.
//
// Invariants
//  * A tensor's storage holds one reference; every zero-copy alias and every recorded circuit that
//    mentions the block holds another. "Only the stream still knows this block" (see Block::refs)
//    therefore means the value is dead.
//  * `data` is 64-byte aligned and stays valid until the last reference is released.
//  * release_block is the deleter of every hologram DataPtr: a DataPtr with that deleter has a
//    Block* as its context, and no other DataPtr has.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hologram {

class Queue;

struct Block {
  enum class Pool : uint8_t {
    Boundary, Linear,
    External,
    Shared     // of one of the first two; other queues use it: its backend says when it can be reused
  };

  static constexpr uint64_t kUnwatched = 0;
  static constexpr uint64_t kUnknown = UINT64_MAX;   // it may be written without notice

  char* data = nullptr;
  size_t bytes = 0;      // what the caller asked for
  size_t capacity = 0;   // what the pool gave
  Queue* queue = nullptr;    // the queue it belongs to
  Pool pool = Pool::Linear;
  uint16_t bin = 0;      // private to the pool
  std::atomic<int32_t> refs{1};
  std::atomic<uint32_t> entry{0};  // private to the stream: not 0 while a recorded op mentions the block
  std::atomic<bool> exposed{false};  // its address is held outside: ops on it run when they are submitted
  mutable std::atomic<uint64_t> version{kUnwatched};   // of its value, where that is asked for: see watch_writes
  Block* next = nullptr; // private to the pool (free lists)
  void* owner = nullptr; // private to the pool; External: what `external_free` gets
  void (*external_free)(void*) = nullptr;   // External only: other blocks may hold that of an earlier use of this object

  void retain() { refs.fetch_add(1, std::memory_order_relaxed); }
  void release();        // the last release gives the memory back to its pool; never throws
};

// ---- has a value been written since? ----
//
// Graphs keep what they computed from a block's value, and ask before each run whether the block was written since. Whatever writes
// says so when it has: a recorded op once it is recorded, all else once the bytes are there. Who asks takes the version before he lets
// recorded ops run, and reads the bytes after. So a version that is still the same stands for the same bytes, whatever other threads do.

/// From now on each write gives the block another version, which no block has had. False: it may be written without notice.
bool watch_writes(const Block& block);
/// It may be written without notice from now on: no version stands for its value any more.
void stop_watching(const Block& block);
namespace detail {
void new_version(const Block& block);
}
/// The block was written by an op that is recorded, under the stream's lock.
inline void note_recorded_write(const Block& block) {
  if (__builtin_expect(block.version.load(std::memory_order_relaxed) != Block::kUnwatched, 0)) detail::new_version(block);
}
/// The block was written.
inline void note_write(const Block& block) {
  // Not a mere load: the bytes come before the look. watch_writes does it the other way round, so that one of both sees the other.
  if (__builtin_expect(block.version.fetch_add(0) != Block::kUnwatched, 0)) detail::new_version(block);
}

/// Reserves `bytes` (0 allowed) on the backend. Throws Error::OutOfMemory with sizes.
Block* allocate_block(Queue& queue, size_t bytes);
/// Reserves the classes [first, first + count) of the backend's boundary pool; nullptr when one of them is taken.
Block* reserve_classes(Queue& queue, int first, int count);
/// Wraps foreign memory; `free(owner)` runs at the last release.
Block* adopt_block(Queue& queue, void* data, size_t bytes, void* owner, void (*free)(void*));
/// c10::DeleterFnPtr-compatible.
void release_block(void* block);

/// The boundary pool: kClasses classes of kClassBytes each, see boundary_pool.h.
struct BoundaryInfo {
  char* base = nullptr;              // nullptr before the first small block
  int classes = 0, free_classes = 0;
  size_t class_bytes = 0;
};
BoundaryInfo boundary_info(Queue& queue);
/// First class of a block and how many it spans; {-1, 0} for a block outside the boundary pool.
struct ClassRange { int first, count; };
ClassRange class_range(const Block& block);

struct MemoryStats {
  // current, peak, total allocated, total freed
  struct Counter {
    int64_t current = 0, peak = 0, allocated = 0, freed = 0;
    void operator+=(const Counter& o) { current += o.current; peak += o.peak; allocated += o.allocated; freed += o.freed; }
  };
  Counter allocated_bytes, reserved_bytes, active_blocks, segments;
  Counter boundary_bytes;       // part of allocated_bytes that lies in the boundary pool
  int64_t num_alloc_retries = 0, num_ooms = 0;

  /// Of several queues together. Peaks need not have been at one time: the sum is what they may have been at most.
  void operator+=(const MemoryStats& o) {
    allocated_bytes += o.allocated_bytes; reserved_bytes += o.reserved_bytes; active_blocks += o.active_blocks;
    segments += o.segments; boundary_bytes += o.boundary_bytes;
    num_alloc_retries += o.num_alloc_retries; num_ooms += o.num_ooms;
  }
};

MemoryStats memory_stats(Queue& queue);
void reset_peak_stats(Queue& queue);
void reset_accumulated_stats(Queue& queue);
void empty_cache(Queue& queue);          // gives cached, unused segments back to the system

}  // namespace hologram
