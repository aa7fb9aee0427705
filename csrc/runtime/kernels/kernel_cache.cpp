// Kernel caches: open-addressing tables of pointers that are read without a lock.
//
// Kernels are never removed and tables only grow: a reader that still looks at a replaced table misses at most the newest
// kernels, and then takes the slow way, which looks again under the lock. Replaced tables are kept (they halve in size).
#include "runtime/kernels/kernel_cache.h"

#include <cstring>
#include <memory>
#include <mutex>

#include "runtime/device/queue.h"
#include "runtime/base/counters.h"
#include "runtime/base/fork.h"
#include "runtime/base/fp_mode.h"
#include "runtime/kernels/kernel.h"

namespace hologram {

struct KernelCache::Table {
  Table(size_t size, Table* replaced) : mask(size - 1), slots(new std::atomic<const Kernel*>[size]()), replaced(replaced) {}
  size_t mask;
  std::atomic<const Kernel*>* slots;
  Table* replaced;   // a thread may still read it
};

namespace {

/// Of all caches: it is held for moments, and only while kernels are new.
std::mutex& lock() {
  static std::mutex* m = [] {
    hold_while_forking(ForkOrder::KernelCache, [] { lock().lock(); }, [] { lock().unlock(); });
    return new std::mutex;
  }();
  return *m;
}

}  // namespace

const Kernel* KernelCache::look_up(const Table* table, const Key& key) {
  if (!table) return nullptr;
  for (size_t at = key.hash & table->mask;; at = (at + 1) & table->mask) {
    const Kernel* kernel = table->slots[at].load(std::memory_order_acquire);
    if (!kernel) return nullptr;
    if (kernel->hash == key.hash && kernel->key.size() == key.size && !std::memcmp(kernel->key.data(), key.bytes, key.size))
      return kernel;
  }
}

void KernelCache::put(Table& table, const Kernel* kernel) {
  size_t at = kernel->hash & table.mask;
  while (table.slots[at].load(std::memory_order_relaxed)) at = (at + 1) & table.mask;
  table.slots[at].store(kernel, std::memory_order_release);
}

const Kernel* KernelCache::find(const Key& key) const { return look_up(current_.load(std::memory_order_acquire), key); }

const Kernel* KernelCache::insert(const Key& key, Kernel* made) {
  std::unique_ptr<Kernel> kernel(made);
  std::lock_guard<std::mutex> hold(lock());
  Table* table = current_.load(std::memory_order_relaxed);
  if (const Kernel* found = look_up(table, key)) return found;
  if (!table || (filled_ + 1) * 2 > table->mask) {
    Table* larger = new Table(table ? (table->mask + 1) * 2 : 256, table);
    for (size_t at = 0; table && at <= table->mask; ++at)
      if (const Kernel* old = table->slots[at].load(std::memory_order_relaxed)) put(*larger, old);
    current_.store(table = larger, std::memory_order_release);
  }
  put(*table, kernel.get());
  ++filled_;
  return kernel.release();
}

KernelCache& host_kernels() {
  static KernelCache cache;
  return cache;
}

const Kernel* find_kernel(Queue& queue, const Key& key) {
  KernelCache& cache = queue.kernels();
  if (const Kernel* kernel = cache.find(key)) {
    add_to(Counter::cache_hits);
    return kernel;
  }
  add_to(Counter::cache_misses);
  const FpScope scope(kStandardFpMode);             // the numbers in a kernel, which others will use, are worked out by the compiler
  return cache.insert(key, queue.compile(key));   // no lock is held while the compiler runs: it takes the GIL
}

}  // namespace hologram
