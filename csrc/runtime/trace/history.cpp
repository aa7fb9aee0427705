#include "runtime/trace/history.h"

#include <algorithm>

#include "runtime/memory/spin_lock.h"

namespace hologram {
namespace {

constexpr uint64_t kKept = 512;
CircuitRecord ring[kKept];
uint64_t written = 0, windows = 0;
SpinLock lock;

}  // namespace

const char* reason_name(Reason reason) {
  switch (reason) {
    case Reason::Read: return "read";
    case Reason::Library: return "library";
    case Reason::Pointer: return "pointer";
    case Reason::Full: return "full";
    case Reason::Memory: return "memory";
    case Reason::Synchronize: return "synchronize";
    case Reason::Immediate: return "immediate";
    case Reason::Switch: return "switch";
  }
  return "";
}

void remember(CircuitRecord* records, size_t count) {
  lock.lock();
  ++windows;
  for (size_t i = 0; i < count; ++i) {
    records[i].window = windows;
    ring[written++ % kKept] = records[i];
  }
  lock.unlock();
}

std::vector<CircuitRecord> recent_circuits(size_t limit) {
  std::vector<CircuitRecord> records;
  lock.lock();
  const uint64_t count = std::min<uint64_t>({limit, kKept, written});
  for (uint64_t at = written - count; at < written; ++at) records.push_back(ring[at % kKept]);
  lock.unlock();
  return records;
}

}  // namespace hologram
