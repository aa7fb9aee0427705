// Kernel caches: open-addressing tables of pointers that are read without a lock.
//
// Kernels are never removed and tables only grow: a reader that still looks at a replaced table misses at most the newest
// kernels, and then takes the slow way, which looks again under the lock. Replaced tables are kept (they halve in size).
#include <cstring>
#include <memory>
#include <mutex>

#include "runtime/device/queue.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/base/fork.h"
#include "runtime/base/fp_mode.h"
#include "runtime/kernels/kernel_args.h"

namespace hologram {

struct KernelCache::Table {
  Table(size_t size, Table* replaced) : mask(size - 1), slots(new std::atomic<const Kernel*>[size]()), replaced(replaced) {}
  size_t mask;
  std::atomic<const Kernel*>* slots;
  Table* replaced;   // a thread may still read it
};

namespace {

std::atomic<CompileFn> compiler{nullptr};
std::atomic<CompileDeviceFn> device_compiler{nullptr};

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

void set_compiler(CompileFn fn) { compiler.store(fn, std::memory_order_release); }
void set_device_compiler(CompileDeviceFn fn) { device_compiler.store(fn, std::memory_order_release); }

void name_kernel(Kernel& kernel, const Key& key, std::string name) {
  kernel.name = std::move(name);
  kernel.hash = key.hash;
  kernel.key.assign(reinterpret_cast<const char*>(key.bytes), key.size);
}

Kernel* make_kernel(const Key& key, KernelFn fn, float cost, std::string name) {
  auto kernel = std::make_unique<Kernel>();
  kernel->fn = fn;
  kernel->cost = cost;
  name_kernel(*kernel, key, std::move(name));
  // Ranges of elements are cut at whole vectors; rows and tiles anywhere.
  const auto schedule = static_cast<Schedule>(key.bytes[1]);
  kernel->grain = schedule == Schedule::Map || schedule == Schedule::Column ? 64 : 1;
  return kernel.release();
}

int num_kernel_args(const Key& key) { return kernel_args(key).count(); }

Kernel* compile_for_host(const Key& key) {
  const CompileFn compile = compiler.load(std::memory_order_acquire);
  HG_CHECK(compile, "hologram.compile: no compiler is installed. Import hologram_core._runtime.");
  return compile(key);
}

DeviceCode compile_for_device(const char* backend, const Key& key, int arch, int driver) {
  const CompileDeviceFn compile = device_compiler.load(std::memory_order_acquire);
  HG_CHECK(compile, "hologram.compile: no compiler for '", backend, "' is installed. Import hologram_core._runtime.");
  return compile(backend, key, arch, driver);
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
