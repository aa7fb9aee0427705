#include "runtime/memory/memory.h"

#include <algorithm>
#include <new>

#include "runtime/device/queue.h"
#include "runtime/base/config.h"
#include "runtime/base/error.h"
#include "runtime/base/fork.h"
#include "runtime/graph/capturing.h"
#include "runtime/memory/guard.h"
#include "runtime/memory/memory_log.h"
#include "runtime/trace/poison.h"

namespace hologram {
namespace {

void add(MemoryStats::Counter& counter, int64_t bytes) {
  counter.current += bytes;
  counter.allocated += bytes;
  if (counter.current > counter.peak) counter.peak = counter.current;
}

void subtract(MemoryStats::Counter& counter, int64_t bytes) {
  counter.current -= bytes;
  counter.freed += bytes;
}

/// Follows a level that the pool keeps itself.
void follow(MemoryStats::Counter& counter, int64_t level) {
  if (level > counter.current) add(counter, level - counter.current);
  else subtract(counter, counter.current - level);
}

// All memories, for fork: a child must not inherit a lock that some other thread of the parent held.
std::atomic<Memory*> newest{nullptr};
std::mutex creation;

struct Bytes { size_t n; };
std::ostream& operator<<(std::ostream& out, Bytes b) {
  out.precision(3);
  if (b.n < 1 << 20) return out << b.n << " bytes";
  return out << std::fixed << static_cast<double>(b.n) / (1 << 20) << " MiB";
}

}  // namespace

std::atomic<Memory*>& Memory::slot(Queue& queue) { return queue.memory_; }

void Memory::lock_all() {
  creation.lock();
  for (Memory* m = newest.load(); m; m = m->elder_) m->lock_.lock();
}

void Memory::unlock_all() {
  for (Memory* m = newest.load(); m; m = m->elder_) m->lock_.unlock();
  creation.unlock();
}

Memory& Memory::create(Queue& queue) {
  std::lock_guard<std::mutex> hold(creation);
  if (Memory* made = slot(queue).load(std::memory_order_acquire)) return *made;
  Memory* memory = new Memory(queue);
  memory->elder_ = newest.load();
  newest.store(memory);
  static const bool registered = (hold_while_forking(ForkOrder::Memory, &lock_all, &unlock_all), true);
  (void)registered;
  slot(queue).store(memory, std::memory_order_release);
  return *memory;
}

// ---- headers and counting, with the lock held ----

void Memory::refill_headers() {
  if (spare_) return;
  constexpr int kSlab = 128;
  Block* slab = new Block[kSlab];   // never given back: headers are reused
  for (int i = 0; i < kSlab; ++i) {
    slab[i].queue = &queue_;
    slab[i].next = spare_;
    spare_ = &slab[i];
  }
}

Block* Memory::header() {
  Block* block = spare_;
  spare_ = block->next;
  block->refs.store(1, std::memory_order_relaxed);
  return block;
}

Block* Memory::fill(Block* block, Block::Pool pool, char* data, size_t bytes, size_t capacity, uint16_t bin, void* owner) {
  block->data = data;
  block->bytes = bytes;
  block->capacity = capacity;
  block->pool = pool;
  block->bin = bin;
  block->owner = owner;
  block->exposed.store(false, std::memory_order_relaxed);
  block->version.store(Block::kUnwatched, std::memory_order_relaxed);
  add(stats_.allocated_bytes, static_cast<int64_t>(capacity));
  add(stats_.active_blocks, 1);
  if (pool == Block::Pool::Boundary) add(stats_.boundary_bytes, static_cast<int64_t>(capacity));
  return block;
}

void Memory::follow_reserved() {
  follow(stats_.reserved_bytes, static_cast<int64_t>(linear_.reserved() + (boundary_.arena() ? kArenaBytes : 0)));
  follow(stats_.segments, linear_.segments() + (boundary_.arena() ? 1 : 0));
}

Block* Memory::take(size_t bytes) {
  refill_headers();   // first: nothing may throw once memory is taken
  if (bytes <= kMaxBoundaryBytes) {
    const BoundaryPool::Extent extent = boundary_.allocate(bytes);
    if (extent.data) return fill(header(), Block::Pool::Boundary, extent.data, bytes, extent.bytes, extent.tag, nullptr);
    if (!opened_) return nullptr;
  }
  Chunk* chunk = linear_.allocate(LinearPool::rounded(bytes));
  if (!chunk) return nullptr;
  follow_reserved();   // discarded pages may have come back
  return fill(header(), Block::Pool::Linear, chunk->data, bytes, chunk->bytes, 0, chunk);
}

// ---- allocation ----

Block* Memory::allocate(size_t bytes) {
  Block* block = nullptr;
  if (__builtin_expect(!config().guard, 1)) {
    std::lock_guard<SpinLock> hold(lock_);
    block = take(bytes);
  }
  if (__builtin_expect(!block, 0)) block = allocate_slowly(bytes);
  if (__builtin_expect(memory_is_told.load(std::memory_order_relaxed), 0)) tell(block->data, static_cast<int64_t>(block->capacity));
  return block;
}

void Memory::tell(void* data, int64_t bytes) {
  const MemoryStats now = stats();
  tell_memory(queue_, data, bytes, static_cast<size_t>(now.allocated_bytes.current),
              static_cast<size_t>(now.reserved_bytes.current));
}

Block* Memory::allocate_slowly(size_t bytes) {
  if (config().guard && queue_.reads_host_memory()) return allocate_guarded(bytes);
  if (bytes <= kMaxBoundaryBytes) open_arena();
  const size_t chunk = LinearPool::rounded(bytes);
  for (bool retried = false;;) {
    {
      std::lock_guard<SpinLock> hold(lock_);
      if (Block* block = take(bytes)) return block;
    }
    if (grow(chunk, LinearPool::segment_bytes(chunk)) || (retried && grow(chunk, chunk))) continue;
    if (retried) out_of_memory(bytes);
    retried = true;
    {
      std::lock_guard<SpinLock> hold(lock_);
      ++stats_.num_alloc_retries;
    }
    give_back(0);
  }
}

void Memory::open_arena() {
  {
    std::lock_guard<SpinLock> hold(lock_);
    if (opened_) return;
  }
  const size_t limit = config().memory_limit;
  void* arena = limit && limit < kArenaBytes ? nullptr : queue_.allocate(kArenaBytes);
  {
    std::lock_guard<SpinLock> hold(lock_);
    if (!opened_) {
      opened_ = true;   // refused: small blocks live in the linear pool
      if (arena) boundary_.open(static_cast<char*>(arena));
      follow_reserved();
      return;
    }
  }
  if (arena) queue_.deallocate(arena, kArenaBytes);   // another thread was first
}

/// Adds a segment for a chunk of `bytes`. False when the system or the limit refuses.
bool Memory::grow(size_t bytes, size_t segment) {
  size_t keep;
  {
    std::lock_guard<SpinLock> hold(lock_);
    keep = std::max(kKeepCached, static_cast<size_t>(stats_.allocated_bytes.current) / kKeepShare);
  }
  give_back(keep);
  const size_t limit = config().memory_limit;
  {
    std::lock_guard<SpinLock> hold(lock_);
    const size_t held = static_cast<size_t>(stats_.reserved_bytes.current) + growing_;
    if (limit && (held > limit || segment > limit - held)) return false;
    growing_ += segment;
  }
  void* data = queue_.allocate(segment);
  std::lock_guard<SpinLock> hold(lock_);
  growing_ -= segment;
  if (!data) return false;
  linear_.add_segment(static_cast<char*>(data), segment, bytes <= LinearPool::kSmallBytes);
  follow_reserved();
  return true;
}

void Memory::give_back(size_t keep, bool aged) {
  // Partly used segments keep their addresses after a discard; under a limit only whole segments count as given back.
  constexpr int kBatch = 32;
  Victim victims[kBatch];
  for (int found = kBatch; found == kBatch;) {
    {
      const bool may_discard = discards_.load(std::memory_order_relaxed) && config().memory_limit == 0;
      std::lock_guard<SpinLock> hold(lock_);
      found = linear_.collect(keep, aged, may_discard, victims, kBatch);
    }
    for (int i = 0; i < found; ++i) {
      Victim& v = victims[i];
      if (v.whole) queue_.deallocate(v.data, v.bytes);
      else if (!(v.discarded = queue_.discard(v.data, v.bytes))) discards_.store(false, std::memory_order_relaxed);
    }
    std::lock_guard<SpinLock> hold(lock_);
    for (int i = 0; i < found; ++i) linear_.gone(victims[i]);
    follow_reserved();
  }
}

void Memory::out_of_memory(size_t bytes) {
  MemoryStats now;
  {
    std::lock_guard<SpinLock> hold(lock_);
    ++stats_.num_ooms;
    now = stats_;
  }
  const auto in_use = static_cast<size_t>(now.allocated_bytes.current), held = static_cast<size_t>(now.reserved_bytes.current);
  const size_t limit = config().memory_limit;
  const std::string place = queue_.name() + (queue_.device_count() > 1 ? ":" + std::to_string(queue_.device()) : std::string());
  if (limit)
    fail(Error::Kind::OutOfMemory, "hologram.allocate: out of memory: asked for ", Bytes{bytes}, " on ", place,
         " with ", Bytes{in_use}, " in use, ", Bytes{held}, " reserved and a limit of ", Bytes{limit},
         ". Free tensors, or raise HOLOGRAM_MEMORY_LIMIT.");
  fail(Error::Kind::OutOfMemory, "hologram.allocate: out of memory: the system refused ", Bytes{bytes}, " on ",
       place, " with ", Bytes{in_use}, " in use and ", Bytes{held}, " reserved. Free tensors, or work in smaller pieces.");
}

Block* Memory::allocate_guarded(size_t bytes) {
  const size_t limit = config().memory_limit;
  bool allowed = true;
  {
    std::lock_guard<SpinLock> hold(lock_);
    const size_t held = static_cast<size_t>(stats_.allocated_bytes.current) + growing_;
    allowed = !limit || (held <= limit && bytes <= limit - held);
    if (allowed) growing_ += bytes;
  }
  const GuardedRegion region = allowed ? guard_allocate(bytes) : GuardedRegion{};
  std::unique_lock<SpinLock> hold(lock_);
  if (allowed) growing_ -= bytes;
  if (!region.data) {
    hold.unlock();
    out_of_memory(bytes);
  }
  refill_headers();
  Block* const block = fill(header(), Block::Pool::Linear, region.data, bytes, bytes, kGuarded, region.base);
  block->entry.store(kWatched, std::memory_order_relaxed);
  return block;
}

Block* Memory::reserve_classes(int first, int count) {
  open_arena();
  std::lock_guard<SpinLock> hold(lock_);
  refill_headers();
  const BoundaryPool::Extent extent = boundary_.reserve(first, count);
  if (!extent.data) return nullptr;
  return fill(header(), Block::Pool::Boundary, extent.data, extent.bytes, extent.bytes, extent.tag, nullptr);
}

Block* Memory::adopt(void* data, size_t bytes, void* owner, void (*free)(void*)) {
  std::lock_guard<SpinLock> hold(lock_);
  refill_headers();
  Block* block = header();
  block->data = static_cast<char*>(data);
  block->bytes = block->capacity = bytes;
  block->pool = Block::Pool::External;
  block->exposed.store(true, std::memory_order_relaxed);
  block->version.store(Block::kUnknown, std::memory_order_relaxed);
  block->owner = owner;
  block->external_free = free;
  return block;
}

void Memory::release(Block* block) noexcept {
  if (capturing()) note_release(*block);
  if (is_poisoned(*block)) forget_poison(*block);
  if (block->pool == Block::Pool::Shared) return queue_.release_shared(block);
  if (block->pool == Block::Pool::External) {
    if (block->external_free) block->external_free(block->owner);
  } else if (is_guarded(*block)) {
    guard_release(*block);
  }
  bool epoch_over = false;
  void* const data = block->data;
  const int64_t given_back = block->pool == Block::Pool::External ? 0 : static_cast<int64_t>(block->capacity);
  {
    std::lock_guard<SpinLock> hold(lock_);
    if (block->pool != Block::Pool::External) {
      const auto bytes = static_cast<int64_t>(block->capacity);
      subtract(stats_.allocated_bytes, bytes);
      subtract(stats_.active_blocks, 1);
      if (block->pool == Block::Pool::Boundary) {
        subtract(stats_.boundary_bytes, bytes);
        boundary_.release(block->data, block->capacity, block->bin);
      } else if (block->bin != kGuarded) {
        epoch_over = linear_.release(static_cast<Chunk*>(block->owner));
      }
    }
    block->next = spare_;
    spare_ = block;
  }
  if (epoch_over) give_back(0, /*aged=*/true);
  if (__builtin_expect(memory_is_told.load(std::memory_order_relaxed), 0) && given_back) tell(data, -given_back);
}

// ---- statistics ----

void Memory::empty_cache() { give_back(0); }

MemoryStats Memory::stats() {
  std::lock_guard<SpinLock> hold(lock_);
  return stats_;
}

namespace {
template <class F>
void for_each_counter(MemoryStats& stats, F f) {
  for (auto* c : {&stats.allocated_bytes, &stats.reserved_bytes, &stats.active_blocks, &stats.segments, &stats.boundary_bytes}) f(*c);
}
}  // namespace

void Memory::reset_peaks() {
  std::lock_guard<SpinLock> hold(lock_);
  for_each_counter(stats_, [](MemoryStats::Counter& c) { c.peak = c.current; });
}

void Memory::reset_accumulated() {
  std::lock_guard<SpinLock> hold(lock_);
  for_each_counter(stats_, [](MemoryStats::Counter& c) { c.allocated = c.freed = 0; });
  stats_.num_alloc_retries = stats_.num_ooms = 0;
}

BoundaryInfo Memory::boundary_info() {
  std::lock_guard<SpinLock> hold(lock_);
  return {boundary_.arena(), kClasses, boundary_.free_classes(), kClassBytes};
}

ClassRange Memory::class_range(const Block& block) {
  if (block.pool != Block::Pool::Boundary) return {-1, 0};
  std::lock_guard<SpinLock> hold(lock_);
  const int first = boundary_.class_of(block.data);
  return {first, std::max(1, static_cast<int>(block.capacity / kClassBytes))};
}

}  // namespace hologram
