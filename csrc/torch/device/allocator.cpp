#include "torch/device/allocator.h"

#include <unistd.h>

#include "torch/device/device.h"
#include "torch/device/errors.h"

namespace hologram {
namespace {

using c10::CachingAllocator::StatArray;
using c10::CachingAllocator::StatType;

class DeviceAllocator final : public c10::DeviceAllocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const c10::Device device(kDeviceType, current_device());
    if (bytes == 0) return {nullptr, nullptr, nullptr, device};
    Block* block = allocate_for_torch(bytes);
    block->exposed = true;   // torch may hand the address to anybody
    return {block->data, block, &release_block, device};
  }

  void copy_data(void* dst, const void* src, size_t bytes) const override { current_backend().copy(dst, src, bytes); }

  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {
    settle();
    empty_cache(current_backend());
  }

  // Blocks carry a reference per recorded use, and a stream runs in order: nothing to remember here.
  void recordStream(const c10::DataPtr&, c10::Stream) override {}

  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex device) override {
    checked_device_index(device);
    settle();
    const MemoryStats stats = memory_stats(current_backend());
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
    checked_device_index(device);
    settle();
    reset_accumulated_stats(current_backend());
  }
  void resetPeakStats(c10::DeviceIndex device) override {
    checked_device_index(device);
    settle();
    reset_peak_stats(current_backend());
  }

  std::pair<size_t, size_t> getMemoryInfo(c10::DeviceIndex device) override {
    checked_device_index(device);
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t total = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * page;
#ifdef _SC_AVPHYS_PAGES
    return {static_cast<size_t>(sysconf(_SC_AVPHYS_PAGES)) * page, total};
#else
    return {total - std::min<size_t>(total, memory_stats(current_backend()).reserved_bytes.current), total};
#endif
  }

 private:
  /// Memory of dead tensors that only recorded ops still need counts as freed.
  static void settle() {
    with_c10_errors([] { current_stream(current_backend(), current_device()).flush(Reason::Memory); });
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

Block* allocate_for_torch(size_t bytes) {
  constexpr size_t kLarge = 1 << 20;   // worth a look at what recorded ops keep alive
  Backend& backend = current_backend();
  return with_c10_errors([&] {
    Stream& stream = current_stream(backend, current_device());
    if (bytes >= kLarge) stream.reclaim();
    try {
      return allocate_block(backend, bytes);
    } catch (const Error& error) {
      if (error.kind() != Error::Kind::OutOfMemory) throw;
    }
    stream.flush(Reason::Memory);   // what only recorded ops need is free after this
    return allocate_block(backend, bytes);
  });
}

}  // namespace hologram
