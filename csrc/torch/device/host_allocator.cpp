// Pinned host memory: memory that the device reaches without staging.
//
// On the CPU backend all host memory is reachable, so that pinning is a promise that costs nothing. Elsewhere it is expensive
// to make: what is freed waits for its next user, in sizes of powers of two. What makes memory "pinned" to torch is that it
// came from here (isPinnedPtr asks the registry below).

#include "torch/device/host_allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/Stream.h>
#include <c10/core/alignment.h>

#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/stream.h"

namespace hologram {
namespace {

// A point in a queue that the last use of the memory lies before.
struct Use { Queue* queue; void* event; };

struct Range {
  size_t bytes = 0, capacity = 0;
  Queue* queue = nullptr;
  std::vector<Use> uses;
};

struct Registry {
  std::mutex mutex;
  std::map<const char*, Range> ranges;                         // live, by start address
  std::multimap<size_t, std::pair<char*, Range>> cached;       // by capacity
  at::HostStats stats;

  std::map<const char*, Range>::iterator find(const void* data) {
    auto after = ranges.upper_bound(static_cast<const char*>(data));
    if (after == ranges.begin()) return ranges.end();
    --after;
    return static_cast<const char*>(data) < after->first + after->second.bytes ? after : ranges.end();
  }
};
Registry& registry() {
  static auto& instance = *new Registry;   // outlives tensors that die during interpreter shutdown
  return instance;
}

void forget_uses(Range& range) {
  for (const Use& use : range.uses) use.queue->destroy_event(use.event);
  range.uses.clear();
}

bool in_use(const Range& range) {
  for (const Use& use : range.uses)
    if (!use.queue->event_done(use.event)) return true;
  return false;
}

/// On the CPU freed memory goes back to the system at once.
bool caches(const Queue& queue) { return !queue.reads_host_memory(); }

size_t capacity_for(const Queue& queue, size_t bytes) {
  constexpr size_t kPage = 4096;
  if (!caches(queue)) return bytes;
  size_t capacity = kPage;
  while (capacity < bytes) capacity *= 2;
  return capacity;
}

void free_pinned(void* data) {
  Registry& r = registry();
  std::unique_lock<std::mutex> lock(r.mutex);
  const auto found = r.ranges.find(static_cast<const char*>(data));
  Range range = std::move(found->second);
  r.stats.allocated_bytes.decrease(range.bytes);
  r.stats.active_bytes.decrease(range.bytes);
  r.stats.allocations.decrease(1);
  r.stats.active_requests.decrease(1);
  r.ranges.erase(found);
  if (caches(*range.queue)) {
    const size_t capacity = range.capacity;
    r.cached.emplace(capacity, std::make_pair(static_cast<char*>(data), std::move(range)));
    return;
  }
  lock.unlock();
  range.queue->free_pinned(data);
}

/// From the cache, or null.
char* reuse(Registry& r, Queue& queue, size_t capacity, Range& range) {
  for (auto [at, end] = r.cached.equal_range(capacity); at != end; ++at) {
    auto& [data, kept] = at->second;
    if (!kept.queue->same_backend(queue) || in_use(kept)) continue;
    forget_uses(kept);
    range = std::move(kept);
    char* const found = data;
    r.cached.erase(at);
    return found;
  }
  return nullptr;
}

void empty_pinned_cache() {
  Registry& r = registry();
  std::multimap<size_t, std::pair<char*, Range>> all;
  {
    std::lock_guard<std::mutex> lock(r.mutex);
    all.swap(r.cached);
  }
  for (auto& [capacity, entry] : all) {
    auto& [data, range] = entry;
    for (const Use& use : range.uses) use.queue->synchronize_event(use.event);
    forget_uses(range);
    range.queue->free_pinned(data);
  }
}

class PinnedAllocator final : public at::HostAllocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &c10::detail::deleteNothing, c10::Device(c10::DeviceType::CPU)};
    Queue& queue = default_queue();
    const size_t capacity = capacity_for(queue, bytes);
    Registry& r = registry();
    Range range;
    char* data = nullptr;
    if (caches(queue)) {
      std::lock_guard<std::mutex> lock(r.mutex);
      data = reuse(r, queue, capacity, range);
    }
    if (!data) data = static_cast<char*>(with_c10_errors([&] { return queue.allocate_pinned(capacity); }));
    TORCH_CHECK_WITH(OutOfMemoryError, data, "hologram.pin_memory: the system refused ", bytes,
                     " bytes of host memory. Pin less, or free tensors.");
    range.bytes = bytes;
    range.capacity = capacity;
    range.queue = &queue;
    std::lock_guard<std::mutex> lock(r.mutex);
    r.ranges.emplace(data, std::move(range));
    r.stats.allocated_bytes.increase(bytes);
    r.stats.active_bytes.increase(bytes);
    r.stats.allocations.increase(1);
    r.stats.active_requests.increase(1);
    return {data, data, &free_pinned, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_pinned; }
  void copy_data(void* dst, const void* src, size_t bytes) const override { std::memcpy(dst, src, bytes); }

  bool record_event(void* data, void*, c10::Stream stream) override {
    if (stream.device_type() == kDeviceType) note_pinned_use(data, queue_of(stream));
    return true;
  }
  void empty_cache() override { with_c10_errors([] { empty_pinned_cache(); }); }
  at::HostStats get_stats() override {
    Registry& r = registry();
    std::lock_guard<std::mutex> lock(r.mutex);
    return r.stats;
  }
  void reset_accumulated_stats() override {
    each_stat([](auto& stat) { stat.reset_accumulated(); });
  }
  void reset_peak_stats() override {
    each_stat([](auto& stat) { stat.reset_peak(); });
  }

 private:
  template <class F>
  void each_stat(F f) {
    Registry& r = registry();
    std::lock_guard<std::mutex> lock(r.mutex);
    f(r.stats.allocated_bytes);
    f(r.stats.active_bytes);
    f(r.stats.allocations);
    f(r.stats.active_requests);
  }
};

PinnedAllocator allocator;
REGISTER_HOST_ALLOCATOR(kDeviceType, &allocator)

}  // namespace

at::HostAllocator& pinned_allocator() { return allocator; }

bool is_pinned(const void* data) {
  Registry& r = registry();
  std::lock_guard<std::mutex> lock(r.mutex);
  return r.find(data) != r.ranges.end();
}

void note_pinned_use(const void* data, Queue& queue) {
  Registry& r = registry();
  std::lock_guard<std::mutex> lock(r.mutex);
  const auto found = r.find(data);
  if (found == r.ranges.end() || !caches(*found->second.queue)) return;
  // One event per queue, moved on with every use.
  for (Use& use : found->second.uses)
    if (use.queue == &queue) return queue.record_event(&use.event, /*timed=*/false);
  Use use{&queue, nullptr};
  queue.record_event(&use.event, /*timed=*/false);
  found->second.uses.push_back(use);
}

}  // namespace hologram
