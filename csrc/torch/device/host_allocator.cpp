// Pinned host memory: page-aligned memory a backend can reach without staging.
//
// On the CPU backend all host memory is reachable, so that pinning is a promise that costs nothing; what makes memory
// "pinned" to torch is that it came from here (isPinnedPtr asks the registry below).

#include "torch/device/host_allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/Stream.h>
#include <c10/core/alignment.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "torch/device/device.h"

namespace hologram {
namespace {

constexpr size_t kPage = 4096;

// Live pinned ranges by start address. Freed memory goes back to the system at once.
struct Registry {
  std::mutex mutex;
  std::map<const char*, size_t> ranges;
  at::HostStats stats;
};
Registry& registry() {
  static auto& instance = *new Registry;   // outlives tensors that die during interpreter shutdown
  return instance;
}

void free_pinned(void* data) {
  {
    Registry& r = registry();
    std::lock_guard<std::mutex> lock(r.mutex);
    const auto found = r.ranges.find(static_cast<const char*>(data));
    r.stats.allocated_bytes.decrease(found->second);
    r.stats.active_bytes.decrease(found->second);
    r.stats.allocations.decrease(1);
    r.stats.active_requests.decrease(1);
    r.ranges.erase(found);
  }
  std::free(data);
}

class PinnedAllocator final : public at::HostAllocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &c10::detail::deleteNothing, c10::Device(c10::DeviceType::CPU)};
    void* data = nullptr;
    TORCH_CHECK_WITH(OutOfMemoryError, posix_memalign(&data, kPage, bytes) == 0,
                     "hologram.pin_memory: the system refused ", bytes, " bytes of host memory. Pin less, or free tensors.");
    Registry& r = registry();
    std::lock_guard<std::mutex> lock(r.mutex);
    r.ranges.emplace(static_cast<const char*>(data), bytes);
    r.stats.allocated_bytes.increase(bytes);
    r.stats.active_bytes.increase(bytes);
    r.stats.allocations.increase(1);
    r.stats.active_requests.increase(1);
    return {data, data, &free_pinned, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_pinned; }
  void copy_data(void* dst, const void* src, size_t bytes) const override { std::memcpy(dst, src, bytes); }

  // Copies from pinned memory are done when the call returns, so that no event is needed before reuse.
  bool record_event(void*, void*, c10::Stream) override { return true; }
  void empty_cache() override {}
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
  auto after = r.ranges.upper_bound(static_cast<const char*>(data));
  if (after == r.ranges.begin()) return false;
  const auto& [start, bytes] = *--after;
  return static_cast<const char*>(data) < start + bytes;
}

}  // namespace hologram
