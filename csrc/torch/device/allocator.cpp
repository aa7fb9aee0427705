#include "torch/device/allocator.h"

#include <unistd.h>

#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/storage.h"
#include "torch/device/stream.h"
#include "torch/device/use.h"

namespace hologram {
namespace {

using c10::CachingAllocator::StatArray;
using c10::CachingAllocator::StatType;

class DeviceAllocator final : public c10::DeviceAllocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const c10::Device device(kDeviceType, current_device());
    if (bytes == 0) return {nullptr, nullptr, nullptr, device};
    Block* block = allocate_for_torch(current_queue(device.index()), bytes);
    expose(*block);   // torch may hand the address to anybody
    return {block->data, block, &release_block, device};
  }

  void copy_data(void* dst, const void* src, size_t bytes) const override {
    with_c10_errors([&] {
      Queue& queue = current_queue(current_device());
      queue.copy(dst, src, bytes);
      if (queue.host_waits()) queue.wait_for_device();   // the address is known to others
    });
  }

  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {
    with_c10_errors([] {
      each_queue(default_queue(), [](Queue& queue) {
        queue.stream().flush(Reason::Memory);
        empty_cache(queue);
      });
    });
  }

  void recordStream(const c10::DataPtr& data, c10::Stream stream) override { note_use(data, stream); }

  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex device) override {
    MemoryStats stats;
    flushed_queues(device, [&](Queue& queue) { stats += memory_stats(queue); });
    c10::CachingDeviceAllocator::DeviceStats out;
    fill(out.allocated_bytes, stats.allocated_bytes, &stats.boundary_bytes);
    fill(out.requested_bytes, stats.allocated_bytes, &stats.boundary_bytes);
    fill(out.active_bytes, stats.allocated_bytes, &stats.boundary_bytes);
    fill(out.reserved_bytes, stats.reserved_bytes, nullptr);
    fill(out.allocation, stats.active_blocks, nullptr);
    fill(out.active, stats.active_blocks, nullptr);
    fill(out.segment, stats.segments, nullptr);
    out.num_alloc_retries = stats.num_alloc_retries;
    out.num_ooms = stats.num_ooms;
    out.num_device_alloc = stats.segments.allocated;
    out.num_device_free = stats.segments.freed;
    return out;
  }

  void resetAccumulatedStats(c10::DeviceIndex device) override {
    flushed_queues(device, [](Queue& queue) { reset_accumulated_stats(queue); });
  }
  void resetPeakStats(c10::DeviceIndex device) override {
    flushed_queues(device, [](Queue& queue) { reset_peak_stats(queue); });
  }

  std::pair<size_t, size_t> getMemoryInfo(c10::DeviceIndex device) override {
    Queue& queue = current_queue(checked_device_index(device));
    const auto of_device = with_c10_errors([&] { return queue.memory_info(); });
    if (of_device.second) return of_device;
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t total = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * page;
#ifdef _SC_AVPHYS_PAGES
    return {static_cast<size_t>(sysconf(_SC_AVPHYS_PAGES)) * page, total};
#else
    return {total - std::min<size_t>(total, memory_stats(queue).reserved_bytes.current), total};
#endif
  }

 private:
  /// Memory of dead tensors that only recorded ops still need counts as freed.
  template <class F>
  static void flushed_queues(c10::DeviceIndex device, F f) {
    const c10::DeviceIndex index = checked_device_index(device);
    with_c10_errors([&] {
      each_queue(default_queue(), index, [&](Queue& queue) {
        queue.stream().flush(Reason::Memory);
        f(queue);
      });
    });
  }

  // torch splits statistics into a small and a large pool: the boundary pool is the small one.
  static void fill(StatArray& out, const MemoryStats::Counter& all, const MemoryStats::Counter* small) {
    set(out[static_cast<size_t>(StatType::AGGREGATE)], all);
    if (!small) return;
    set(out[static_cast<size_t>(StatType::SMALL_POOL)], *small);
    auto& large = out[static_cast<size_t>(StatType::LARGE_POOL)];
    large.current = all.current - small->current;
    large.peak = std::max(all.peak - small->peak, large.current);
    large.allocated = all.allocated - small->allocated;
    large.freed = all.freed - small->freed;
  }
  static void set(c10::CachingAllocator::Stat& out, const MemoryStats::Counter& in) {
    out.current = in.current;
    out.peak = in.peak;
    out.allocated = in.allocated;
    out.freed = in.freed;
  }
};

DeviceAllocator allocator;
REGISTER_ALLOCATOR(kDeviceType, &allocator)

}  // namespace

c10::DeviceAllocator& device_allocator() { return allocator; }

Block* allocate_for_torch(Queue& queue, size_t bytes) {
  use();
  return with_c10_errors([&] {
    Block* const block = queue.stream().allocate(bytes);
    if (C10_UNLIKELY(queue.host_waits()) && pointers_stay_inside()) queue.wait_for_device();   // a kernel of torch's writes it
    return block;
  });
}

}  // namespace hologram
