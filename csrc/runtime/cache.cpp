// The kernel cache: an open-addressing table of pointers that is read without a lock.
//
// Kernels are never removed and tables only grow: a reader that still looks at a replaced table misses at most the newest
// kernels, and then takes the slow way, which looks again under the lock. Replaced tables are kept (they halve in size).
#include <cstring>
#include <memory>
#include <mutex>

#include "runtime/counters.h"
#include "runtime/error.h"
#include "runtime/fork.h"
#include "runtime/kernel.h"

namespace hologram {
namespace {

struct Table {
  Table(size_t size, Table* replaced) : mask(size - 1), slots(new std::atomic<const Kernel*>[size]()), replaced(replaced) {}
  size_t mask;
  std::atomic<const Kernel*>* slots;
  Table* replaced;   // somebody may still read it
};

std::atomic<CompileFn> compiler{nullptr};
std::atomic<Table*> current{nullptr};
size_t filled = 0;   // with the lock held

std::mutex& lock() {
  static std::mutex* m = [] {
    hold_while_forking(ForkOrder::KernelCache, [] { lock().lock(); }, [] { lock().unlock(); });
    return new std::mutex;
  }();
  return *m;
}

const Kernel* look_up(const Table* table, const Key& key) {
  if (!table) return nullptr;
  for (size_t at = key.hash & table->mask;; at = (at + 1) & table->mask) {
    const Kernel* kernel = table->slots[at].load(std::memory_order_acquire);
    if (!kernel) return nullptr;
    if (kernel->hash == key.hash && kernel->key.size() == key.size && !std::memcmp(kernel->key.data(), key.bytes, key.size))
      return kernel;
  }
}

void put(Table& table, const Kernel* kernel) {
  size_t at = kernel->hash & table.mask;
  while (table.slots[at].load(std::memory_order_relaxed)) at = (at + 1) & table.mask;
  table.slots[at].store(kernel, std::memory_order_release);
}

/// Adds `kernel` unless another thread compiled the same key first; returns the one that is in the cache.
const Kernel* insert(const Key& key, std::unique_ptr<Kernel> kernel) {
  std::lock_guard<std::mutex> hold(lock());
  Table* table = current.load(std::memory_order_relaxed);
  if (const Kernel* found = look_up(table, key)) return found;
  if (!table || (filled + 1) * 2 > table->mask) {
    Table* larger = new Table(table ? (table->mask + 1) * 2 : 256, table);
    for (size_t at = 0; table && at <= table->mask; ++at)
      if (const Kernel* old = table->slots[at].load(std::memory_order_relaxed)) put(*larger, old);
    current.store(table = larger, std::memory_order_release);
  }
  put(*table, kernel.get());
  ++filled;
  return kernel.release();
}

}  // namespace

void set_compiler(CompileFn fn) { compiler.store(fn, std::memory_order_release); }

Kernel* make_kernel(const Key& key, KernelFn fn, float cost, std::string name) {
  Kernel* kernel = new Kernel;
  kernel->fn = fn;
  kernel->cost = cost;
  kernel->name = std::move(name);
  kernel->hash = key.hash;
  kernel->key.assign(reinterpret_cast<const char*>(key.bytes), key.size);
  // Ranges of elements are cut at whole vectors; rows and tiles anywhere.
  const auto schedule = static_cast<Schedule>(key.bytes[1]);
  kernel->grain = schedule == Schedule::Map || schedule == Schedule::Column ? 64 : 1;
  return kernel;
}

const Kernel* find_kernel(const Key& key) {
  if (const Kernel* kernel = look_up(current.load(std::memory_order_acquire), key)) {
    add_to(Counter::cache_hits);
    return kernel;
  }
  const CompileFn compile = compiler.load(std::memory_order_acquire);
  HG_CHECK(compile, "hologram.compile: no compiler is installed. Import hologram_core._runtime.");
  add_to(Counter::cache_misses);
  return insert(key, std::unique_ptr<Kernel>(compile(key)));   // no lock is held while the compiler runs: it takes the GIL
}

}  // namespace hologram
