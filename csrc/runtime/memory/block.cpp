#include "runtime/memory/block.h"

#include "runtime/device/queue.h"
#include "runtime/graph/capturing.h"
#include "runtime/memory/memory.h"
#include "runtime/trace/poison.h"

namespace hologram {

void Block::release() {
  // A sole owner needs no atomic subtraction: no other is left to race with.
  if (refs.load(std::memory_order_acquire) == 1) return Memory::of(*queue).release(this);
  // Read while this reference still keeps the block: afterwards it may be gone.
  const bool recorded = is_mentioned(*this);
  Queue* const on = queue;
  const auto bytes = static_cast<int64_t>(capacity);
  const int32_t before = refs.fetch_sub(1, std::memory_order_acq_rel);
  if (before == 1) Memory::of(*on).release(this);
  else if (before == 2 && recorded) on->dead_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

Block* allocate_block(Queue& queue, size_t bytes) {
  Block* const block = Memory::of(queue).allocate(bytes);
  if (capturing()) note_allocation(*block);
  return block;
}
Block* reserve_classes(Queue& queue, int first, int count) { return Memory::of(queue).reserve_classes(first, count); }
Block* adopt_block(Queue& queue, void* data, size_t bytes, void* owner, void (*free)(void*)) {
  return Memory::of(queue).adopt(data, bytes, owner, free);   // it was there before
}
void release_block(void* block) {
  if (block) static_cast<Block*>(block)->release();
}

namespace {
/// One that no block has had.
uint64_t unused_version() {
  static std::atomic<uint64_t> last{Block::kUnwatched};
  return last.fetch_add(1) + 1;
}
}  // namespace

bool watch_writes(const Block& block) {
  uint64_t none = Block::kUnwatched;
  block.version.compare_exchange_strong(none, unused_version());
  // The mark first, then the look: what exposes it does it the other way round.
  return block.version.load() != Block::kUnknown && !block.exposed.load();
}

void stop_watching(const Block& block) { block.version.store(Block::kUnknown); }

void detail::new_version(const Block& block) {
  uint64_t now = block.version.load();
  const uint64_t next = unused_version();
  while (now != Block::kUnknown && !block.version.compare_exchange_weak(now, next)) {
  }
}

MemoryStats memory_stats(Queue& queue) { return Memory::of(queue).stats(); }
void reset_peak_stats(Queue& queue) { Memory::of(queue).reset_peaks(); }
void reset_accumulated_stats(Queue& queue) { Memory::of(queue).reset_accumulated(); }
void empty_cache(Queue& queue) { Memory::of(queue).empty_cache(); }
BoundaryInfo boundary_info(Queue& queue) { return Memory::of(queue).boundary_info(); }
ClassRange class_range(const Block& block) { return Memory::of(*block.queue).class_range(block); }

}  // namespace hologram
