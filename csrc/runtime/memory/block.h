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

  char* data = nullptr;
  size_t bytes = 0;      // what the caller asked for
  size_t capacity = 0;   // what the pool gave
  Queue* queue = nullptr;    // the queue it belongs to
  Pool pool = Pool::Linear;
  uint16_t bin = 0;      // private to the pool
  std::atomic<int32_t> refs{1};
  std::atomic<uint32_t> entry{0};  // private to the stream: not 0 while a recorded op mentions the block
  std::atomic<bool> exposed{false};  // its address is held outside: ops on it run when they are submitted
  Block* next = nullptr; // private to the pool (free lists)
  void* owner = nullptr; // private to the pool; External: what `external_free` gets
  void (*external_free)(void*) = nullptr;   // External only: other blocks may hold that of an earlier use of this object

  void retain() { refs.fetch_add(1, std::memory_order_relaxed); }
  void release();        // the last release gives the memory back to its pool; never throws
};

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
