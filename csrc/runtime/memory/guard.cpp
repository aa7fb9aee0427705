#include "runtime/memory/guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include <deque>
#include <mutex>

namespace hologram {
namespace {

constexpr size_t kQuarantined = 4096;   // freed regions kept inaccessible; they hold addresses, not memory

struct Region { void* base; size_t bytes; };

struct Quarantine {
  std::mutex lock;
  std::deque<Region> regions;
};

Quarantine& quarantine() {
  static Quarantine* q = new Quarantine;   // never destroyed: blocks die late
  return *q;
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

void guard_protect(void* base, size_t bytes, bool accessible) {
  mprotect(base, payload(bytes), accessible ? PROT_READ | PROT_WRITE : PROT_NONE);
}

void guard_release(void* base, size_t bytes) {
  const size_t room = payload(bytes) + page();
  mprotect(base, room, PROT_NONE);
#ifdef MADV_DONTNEED
  madvise(base, room, MADV_DONTNEED);
#endif
  Region oldest{};
  {
    Quarantine& q = quarantine();
    std::lock_guard<std::mutex> hold(q.lock);
    q.regions.push_back({base, room});
    if (q.regions.size() > kQuarantined) {
      oldest = q.regions.front();
      q.regions.pop_front();
    }
  }
  if (oldest.base) munmap(oldest.base, oldest.bytes);
}

}  // namespace hologram
