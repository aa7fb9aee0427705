#include "runtime/trace/history.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "runtime/memory/spin_lock.h"

namespace hologram {
namespace {

// What is always written stays in a core's cache.
constexpr uint64_t kKept = 512, kKeptOperands = 2048;
constexpr size_t kMostWatched = size_t{1} << 16;
CircuitRecord ring[kKept];
OperandRecord operand_ring[kKeptOperands];
uint64_t written = 0, operands_written = 0, windows = 0;
std::vector<WorkRecord> watched;   // all since the first watcher came
SpinLock lock;

/// With the lock held.
void add(const CircuitRecord& record, const OperandRecord* operands) {
  CircuitRecord& kept = ring[written++ % kKept];
  kept = record;
  kept.first_operand = operands_written;
  for (int i = 0; i < record.num_operands; ++i) operand_ring[operands_written++ % kKeptOperands] = operands[i];
  if (work_is_watched() && watched.size() < kMostWatched)
    watched.push_back({record, std::vector<OperandRecord>(operands, operands + record.num_operands)});
}

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

std::atomic<int> work_watchers{0};

int64_t nanoseconds_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void remember(CircuitRecord* records, size_t count, const OperandRecord* operands) {
  std::lock_guard<SpinLock> hold(lock);
  ++windows;
  for (size_t i = 0; i < count; ++i) {
    records[i].window = windows;
    add(records[i], operands + records[i].first_operand);
  }
}

void remember_call(const char* name, const OperandRecord* operands, int count, int64_t started) {
  CircuitRecord record;
  record.library = name;
  record.num_operands = count;
  for (int i = 0; i < count; ++i) record.bytes_moved += operands[i].bytes;
  record.started = started;
  if (started) record.microseconds = static_cast<double>(nanoseconds_now() - started) * 1e-3;
  std::lock_guard<SpinLock> hold(lock);
  add(record, operands);
}

void watch_work(bool on) {
  if (on && work_watchers.load() == 0) {
    std::lock_guard<SpinLock> hold(lock);
    watched.clear();
  }
  work_watchers.fetch_add(on ? 1 : -1);
}

std::vector<WorkRecord> watched_work(int64_t since) {
  std::vector<WorkRecord> work;
  std::lock_guard<SpinLock> hold(lock);
  for (const WorkRecord& record : watched)
    if (record.what.started >= since) work.push_back(record);
  return work;
}

std::vector<WorkRecord> recent_work(size_t circuits) {
  std::vector<WorkRecord> work;
  work.reserve(kKept);
  {
    std::lock_guard<SpinLock> hold(lock);
    for (uint64_t at = written, found = 0; at > 0 && written - at < kKept && found < circuits; --at) {
      const CircuitRecord& record = ring[(at - 1) % kKept];
      found += !record.library;
      WorkRecord& added = work.emplace_back();
      added.what = record;
      if (operands_written - record.first_operand > kKeptOperands) continue;
      for (int i = 0; i < record.num_operands; ++i)
        added.operands.push_back(operand_ring[(record.first_operand + static_cast<uint64_t>(i)) % kKeptOperands]);
    }
  }
  std::reverse(work.begin(), work.end());
  return work;
}

}  // namespace hologram
