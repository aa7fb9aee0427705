// The memory of one backend: both pools, the headers of blocks, statistics, one lock.
//
// Invariants
//  * No system call, deleter or callback runs while the lock is held.
//  * Never destroyed: blocks may be released by static destructors and at interpreter exit.
#pragma once

#include <mutex>

#include "runtime/memory/block.h"
#include "runtime/memory/boundary_pool.h"
#include "runtime/memory/linear_pool.h"
#include "runtime/memory/spin_lock.h"

namespace hologram {

class Memory {
 public:
  static Memory& of(Queue& queue) {
    Memory* memory = slot(queue).load(std::memory_order_acquire);
    return memory ? *memory : create(queue);
  }

  Block* allocate(size_t bytes);
  Block* reserve_classes(int first, int count);
  Block* adopt(void* data, size_t bytes, void* owner, void (*free)(void*));
  void release(Block* block) noexcept;

  void empty_cache();
  MemoryStats stats();
  void reset_peaks();
  void reset_accumulated();
  BoundaryInfo boundary_info();
  ClassRange class_range(const Block& block);

 private:
  explicit Memory(Queue& queue) : queue_(queue) {}
  static Memory& create(Queue& queue);
  static std::atomic<Memory*>& slot(Queue& queue);
  static void lock_all();     // around a fork
  static void unlock_all();

  // With the lock held.
  void refill_headers();
  Block* header();
  Block* take(size_t bytes);                      // from the pools as they are; nullptr: they must grow
  Block* fill(Block* block, Block::Pool pool, char* data, size_t bytes, size_t capacity, uint16_t bin, void* owner);
  void follow_reserved();

  // Without the lock.
  void tell(void* data, int64_t bytes);     // to those who read it (memory_log.h)
  Block* allocate_slowly(size_t bytes);
  Block* allocate_guarded(size_t bytes);
  void open_arena();
  bool grow(size_t bytes, size_t segment);
  void give_back(size_t keep, bool aged = false);   // idle memory, down to `keep` bytes; `aged`: only what is old
  [[noreturn]] void out_of_memory(size_t bytes);

  static constexpr size_t kKeepCached = 16 << 20;   // idle memory that need not be given back before growing ...
  static constexpr size_t kKeepShare = 16;          // ... or this share of what is in use, if that is more

  Queue& queue_;
  Memory* elder_ = nullptr;   // the list of all
  SpinLock lock_;
  BoundaryPool boundary_;
  LinearPool linear_;
  bool opened_ = false;       // the boundary pool's arena was asked for (and perhaps refused)
  size_t growing_ = 0;        // bytes being asked of the system right now
  std::atomic<bool> discards_{true};   // until the backend says it cannot
  MemoryStats stats_;
  Block* spare_ = nullptr;    // headers
};

}  // namespace hologram
