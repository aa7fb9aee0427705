#include "runtime/memory/memory_log.h"

#include <mutex>

#include "runtime/trace/history.h"

namespace hologram {

std::atomic<bool> memory_is_told{false};

namespace {

std::atomic<MemorySink> sinks[2];

struct Log {
  std::mutex lock;
  std::vector<MemoryEvent> events;
};
Log& log() {
  static Log* l = new Log;
  return *l;
}

void keep(const Queue& queue, void* data, int64_t bytes, size_t allocated, size_t reserved) {
  constexpr size_t kMost = size_t{1} << 20;
  std::lock_guard<std::mutex> hold(log().lock);
  if (log().events.size() < kMost) log().events.push_back({nanoseconds_now(), &queue, data, bytes, allocated, reserved});
}

}  // namespace

void set_memory_sink(MemoryReader reader, MemorySink sink) {
  sinks[static_cast<int>(reader)].store(sink);
  memory_is_told.store(sinks[0].load() || sinks[1].load());
}

void keep_memory_events(bool on) {
  if (on) {
    std::lock_guard<std::mutex> hold(log().lock);
    log().events.clear();
  }
  set_memory_sink(MemoryReader::Picture, on ? &keep : nullptr);
}

std::vector<MemoryEvent> memory_events() {
  std::lock_guard<std::mutex> hold(log().lock);
  return log().events;
}

void tell_memory(const Queue& queue, void* data, int64_t bytes, size_t allocated, size_t reserved) {
  for (const auto& slot : sinks)
    if (const MemorySink sink = slot.load()) sink(queue, data, bytes, allocated, reserved);
}

}  // namespace hologram
