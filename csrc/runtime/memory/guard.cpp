#include "runtime/memory/guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include <deque>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "runtime/base/fork.h"

namespace hologram {
namespace {

constexpr size_t kQuarantined = 4096;   // freed regions kept inaccessible; they hold addresses, not memory

struct Region { void* base; size_t bytes; };

/// What one thread may be at.
using Pins = std::unordered_set<const Block*>;

struct Guard {
  std::mutex lock;
  std::deque<Region> freed;
  std::vector<Pins*> threads, spare;   // of all threads; of those that have ended
};

Guard& guard() {
  static Guard& g = *new Guard;   // never destroyed: blocks die late
  static const bool registered = (hold_while_forking(ForkOrder::Guard, [] { g.lock.lock(); }, [] { g.lock.unlock(); }), true);
  (void)registered;
  return g;
}

/// The calling thread's. They outlive it, and go to a later one: threads use blocks to their very end.
Pins& my_pins() {
  thread_local Pins* mine = nullptr;
  if (mine) return *mine;
  struct End {
    ~End() {
      const std::lock_guard<std::mutex> hold(guard().lock);
      mine->clear();
      guard().spare.push_back(mine);
    }
  };
  const std::lock_guard<std::mutex> hold(guard().lock);
  auto& spare = guard().spare;
  if (spare.empty()) spare.push_back(guard().threads.emplace_back(new Pins));
  mine = spare.back();
  spare.pop_back();
  thread_local End end;
  (void)end;
  return *mine;
}

size_t page() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

size_t payload(size_t bytes) { return (bytes + page() - 1) / page() * page(); }

}  // namespace

GuardedRegion guard_allocate(size_t bytes) {
  const size_t room = payload(bytes);
  if (room < bytes) return {};
  void* base = mmap(nullptr, room + page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return {};
  char* const end = static_cast<char*>(base) + room;
  mprotect(end, page(), PROT_NONE);
  return {end - (bytes + 63) / 64 * 64, base};
}

void guard_release(Block& block) {
  void* const base = block.owner;
  const size_t room = payload(block.bytes) + page();
  block.entry.store(0, std::memory_order_relaxed);
  mprotect(base, room, PROT_NONE);
#ifdef MADV_DONTNEED
  madvise(base, room, MADV_DONTNEED);
#endif
  Region oldest{};
  {
    Guard& g = guard();
    const std::lock_guard<std::mutex> hold(g.lock);
    for (Pins* pins : g.threads) pins->erase(&block);
    g.freed.push_back({base, room});
    if (g.freed.size() > kQuarantined) {
      oldest = g.freed.front();
      g.freed.pop_front();
    }
  }
  if (oldest.base) munmap(oldest.base, oldest.bytes);
}

void guard_hide(const Block& block) {
  if (!is_guarded(block)) return;
  const Pins& mine = my_pins();
  const std::lock_guard<std::mutex> hold(guard().lock);
  for (const Pins* pins : guard().threads)
    if (pins != &mine && pins->count(&block)) return;
  mprotect(block.owner, payload(block.bytes), PROT_NONE);
}

void guard_reveal(const Block& block) {
  if (is_guarded(block)) mprotect(block.owner, payload(block.bytes), PROT_READ | PROT_WRITE);
}

void guard_pin(const Block& block) {
  if (!is_guarded(block)) return;
  Pins& mine = my_pins();
  const std::lock_guard<std::mutex> hold(guard().lock);
  mine.insert(&block);
}

void guard_unpin_all() {
  Pins& mine = my_pins();
  const std::lock_guard<std::mutex> hold(guard().lock);
  mine.clear();
}

}  // namespace hologram
