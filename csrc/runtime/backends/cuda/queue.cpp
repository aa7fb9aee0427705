#include "runtime/backends/cuda/queue.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/ir/fold_schedule.h"

namespace hologram::cuda {
namespace {

DevicePtr on_device(const void* address) { return reinterpret_cast<DevicePtr>(address); }

}  // namespace

const BackendInfo info = {
    "cuda", "CUDA", MemoryKind::Cuda, /*host_visible=*/false, /*reads_host_memory=*/false, /*host_waits=*/false, /*has_float64=*/true,
    kGridSplits,
    []() -> hologram::Queue* { return driver().failure.empty() ? &Device::open(0).queue(0) : nullptr; },
    [] { return driver().failure; },
    [] { return library_failure(); },
    [] { return started_before_fork(); }};

CudaQueue::CudaQueue(Device& device, int stream_index) : GpuQueue(cuda::info, device, stream_index) {
  if (stream_index == 0) return;
  const Current here(owner_);
  owner_.check(driver().cuStreamCreate(&handle_, kStreamNonBlocking), "cuStreamCreate");
}

// ---- memory ----

void* CudaQueue::allocate(size_t bytes) {
  const Current here(owner_);
  shared_.collect();
  DevicePtr data = 0;
  Result result = driver().cuMemAlloc_v2(&data, bytes);
  if (result == kOutOfMemory) {
    empty_other_caches();
    result = driver().cuMemAlloc_v2(&data, bytes);
  }
  if (result == kOutOfMemory) return nullptr;
  owner_.check(result, "cuMemAlloc");
  return reinterpret_cast<void*>(data);
}

// The driver waits for the work that uses the memory. A device that was lost took its memory with it.
void CudaQueue::deallocate(void* data, size_t) {
  if (started_before_fork()) return;
  const Current here(owner_, /*any=*/true);
  driver().cuMemFree_v2(on_device(data));
}

void* CudaQueue::allocate_pinned(size_t bytes) {
  const Current here(owner_);
  void* data = nullptr;
  const Result result = driver().cuMemHostAlloc(&data, bytes, kHostPortable);
  if (result == kOutOfMemory) return nullptr;
  owner_.check(result, "cuMemHostAlloc");
  return data;
}

void CudaQueue::free_pinned(void* data) {
  if (started_before_fork()) return;
  const Current here(owner_, /*any=*/true);
  driver().cuMemFreeHost(data);
}

void CudaQueue::release_shared(Block* block) noexcept { shared_.release(block, !started_before_fork() && !owner_.lost()); }

// ---- host data on its way to the device ----

void CudaQueue::open_ring() {
  if (ring_) return;
  void* host = nullptr;
  DevicePtr device = 0;
  owner_.check(driver().cuMemHostAlloc(&host, kRingBytes, kHostPortable), "cuMemHostAlloc");
  if (const Result result = driver().cuMemAlloc_v2(&device, kRingBytes)) {
    driver().cuMemFreeHost(host);
    owner_.check(result, "cuMemAlloc");
  }
  ring_ = static_cast<char*>(host);
  ring_device_ = device;
}

size_t CudaQueue::take_ring(size_t bytes) {
  open_ring();
  bytes = (bytes + kRingAlignment - 1) / kRingAlignment * kRingAlignment;
  if (ring_next_ + bytes > kRingBytes) {
    owner_.check(driver().cuStreamSynchronize(handle_), "cuStreamSynchronize");
    ring_next_ = 0;
  }
  const size_t at = ring_next_;
  ring_next_ += bytes;
  return at;
}

// ---- copies ----

void CudaQueue::copy(void* dst, const void* src, size_t bytes) {
  if (!bytes) return;
  const Current here(owner_);
  owner_.check(driver().cuMemcpyDtoDAsync_v2(on_device(dst), on_device(src), bytes, handle_), "cuMemcpyDtoDAsync");
}

void CudaQueue::upload(void* dst, const void* src, size_t bytes, bool pinned) {
  if (!bytes) return;
  const Current here(owner_);
  constexpr size_t kSmall = 64 << 10;
  if (!pinned && bytes <= kSmall) {
    std::lock_guard<std::mutex> hold(ring_lock_);
    const size_t at = take_ring(bytes);
    std::memcpy(ring_ + at, src, bytes);
    owner_.check(driver().cuMemcpyHtoDAsync_v2(on_device(dst), ring_ + at, bytes, handle_), "cuMemcpyHtoDAsync");
    return;
  }
  owner_.check(driver().cuMemcpyHtoDAsync_v2(on_device(dst), src, bytes, handle_), "cuMemcpyHtoDAsync");
  if (!pinned) owner_.check(driver().cuStreamSynchronize(handle_), "cuStreamSynchronize");
}

void CudaQueue::download(void* dst, const void* src, size_t bytes, bool pinned) {
  if (!bytes) return;
  const Current here(owner_);
  owner_.check(driver().cuMemcpyDtoHAsync_v2(dst, on_device(src), bytes, handle_), "cuMemcpyDtoHAsync");
  if (!pinned) owner_.check(driver().cuStreamSynchronize(handle_), "cuStreamSynchronize");
}

void CudaQueue::copy_from(Queue& other, void* dst, const void* src, size_t bytes) {
  if (!bytes) return;
  if (&other == this) return copy(dst, src, bytes);
  auto& source = static_cast<CudaQueue&>(other);
  {
    std::lock_guard<std::mutex> hold(source.marker_lock_);
    const EventHandle before = source.marker();
    const Current here(owner_);
    owner_.check(driver().cuStreamWaitEvent(handle_, before, 0), "cuStreamWaitEvent");
  }
  {
    const Current here(owner_);
    const Driver& d = driver();
    owner_.check(&source.owner_ == &owner_
                     ? d.cuMemcpyDtoDAsync_v2(on_device(dst), on_device(src), bytes, handle_)
                     : d.cuMemcpyPeerAsync(on_device(dst), owner_.context(), on_device(src), source.owner_.context(), bytes, handle_),
                 "cuMemcpyPeerAsync");
  }
  // The source's memory may be used again only after the copy.
  std::lock_guard<std::mutex> hold(marker_lock_);
  const EventHandle after = marker();
  const Current there(source.owner_);
  source.owner_.check(driver().cuStreamWaitEvent(source.handle_, after, 0), "cuStreamWaitEvent");
}

EventHandle CudaQueue::marker() {
  const Current here(owner_);
  if (!marker_) owner_.check(driver().cuEventCreate(&marker_, kEventNoTiming), "cuEventCreate");
  owner_.check(driver().cuEventRecord(marker_, handle_), "cuEventRecord");
  return marker_;   // a wait takes the event as it is now: recording it again later changes nothing for that wait
}

// ---- kernels ----

namespace {

int64_t* write_record(const CudaKernel& kernel, int64_t* to, const Launch& l) {
  *to++ = 0;
  *to++ = l.items;
  std::memcpy(to, l.operands, static_cast<size_t>(kernel.operands) * sizeof(void*));
  std::memcpy(to + kernel.operands, l.args, static_cast<size_t>(kernel.args) * sizeof(int64_t));
  return to + kernel.operands + kernel.args;
}

}  // namespace

void CudaQueue::launch(const Kernel& base, void* const* operands, const int64_t* args, int64_t n, int64_t per_item) {
  if (n <= 0) return;
  const auto& kernel = static_cast<const CudaKernel&>(base);
  const Launch one{operands, args, n, per_item};
  if (!kernel.direct) return launch_records(kernel, &one, 1);
  int64_t record[2 + kMaxOperands + kMaxKernelArgs];
  write_record(kernel, record, one);
  void* parameters[] = {record};
  const unsigned blocks = kernel.blocks_for(n);
  const Current here(owner_);
  owner_.check(driver().cuLaunchKernel(kernel.direct, blocks, 1, 1, kernel.threads, 1, 1, 0, handle_, parameters, nullptr), "cuLaunchKernel");
  count(kernel, n, per_item, blocks);
}

void CudaQueue::launch_many(const Kernel& base, const Launch* launches, int count) {
  const auto& kernel = static_cast<const CudaKernel&>(base);
  if (count == 1) return launch(base, launches->operands, launches->args, launches->items, launches->elements_per_item);
  constexpr int kGridY = 65535;
  const int per_ring = static_cast<int>(kRingBytes / 2 / (static_cast<size_t>(kernel.words()) * sizeof(int64_t)));
  for (int first = 0; first < count;) {
    const int some = std::min({count - first, kGridY, per_ring});
    launch_records(kernel, launches + first, some);
    first += some;
  }
}

void CudaQueue::launch_records(const CudaKernel& kernel, const Launch* launches, int count) {
  int64_t items = 0, most = 0;
  int live = 0;
  for (int i = 0; i < count; ++i) {
    if (launches[i].items <= 0) continue;
    ++live;
    items += launches[i].items;
    most = std::max(most, launches[i].items);
  }
  if (!live) return;
  const unsigned blocks = kernel.blocks_for(most, live);
  const int64_t words = kernel.words();
  const size_t bytes = static_cast<size_t>(live) * static_cast<size_t>(words) * sizeof(int64_t);
  const Current here(owner_);
  {
    std::lock_guard<std::mutex> hold(ring_lock_);
    const size_t at = take_ring(bytes);
    auto* to = reinterpret_cast<int64_t*>(ring_ + at);
    for (int i = 0; i < count; ++i)
      if (launches[i].items > 0) to = write_record(kernel, to, launches[i]);
    DevicePtr records = ring_device_ + at;
    int64_t size = words;
    void* parameters[] = {&records, &size};
    owner_.check(driver().cuMemcpyHtoDAsync_v2(records, ring_ + at, bytes, handle_), "cuMemcpyHtoDAsync");
    owner_.check(driver().cuLaunchKernel(kernel.many, blocks, static_cast<unsigned>(live), 1, kernel.threads, 1, 1, 0, handle_,
                                         parameters, nullptr), "cuLaunchKernel");
  }
  this->count(kernel, items, launches->elements_per_item, blocks * static_cast<unsigned>(live));
}

// ---- time ----

void CudaQueue::synchronize() {
  const Current here(owner_);
  owner_.check(driver().cuStreamSynchronize(handle_), "cuStreamSynchronize");
}

bool CudaQueue::idle() {
  const Current here(owner_);
  const Result result = driver().cuStreamQuery(handle_);
  if (result == kNotReady) return false;
  owner_.check(result, "cuStreamQuery");
  return true;
}

void CudaQueue::record_event(void** event, bool timed) {
  const Current here(owner_);
  if (!*event) {
    EventHandle made = nullptr;
    owner_.check(driver().cuEventCreate(&made, timed ? 0u : unsigned{kEventNoTiming}), "cuEventCreate");
    *event = made;
  }
  owner_.check(driver().cuEventRecord(static_cast<EventHandle>(*event), handle_), "cuEventRecord");
}

void CudaQueue::wait_event(void* event) {
  const Current here(owner_);
  owner_.check(driver().cuStreamWaitEvent(handle_, static_cast<EventHandle>(event), 0), "cuStreamWaitEvent");
}

bool CudaQueue::event_done(void* event) {
  const Current here(owner_);
  const Result result = driver().cuEventQuery(static_cast<EventHandle>(event));
  if (result == kNotReady) return false;
  owner_.check(result, "cuEventQuery");
  return true;
}

void CudaQueue::synchronize_event(void* event) {
  const Current here(owner_);
  owner_.check(driver().cuEventSynchronize(static_cast<EventHandle>(event)), "cuEventSynchronize");
}

double CudaQueue::elapsed_milliseconds(void* first, void* second) {
  const Current here(owner_);
  float milliseconds = 0;
  owner_.check(driver().cuEventElapsedTime(&milliseconds, static_cast<EventHandle>(first), static_cast<EventHandle>(second)),
               "cuEventElapsedTime");
  return milliseconds;
}

void CudaQueue::destroy_event(void* event) noexcept {
  if (started_before_fork() || owner_.lost()) return;
  const Current here(owner_, /*any=*/true);
  driver().cuEventDestroy_v2(static_cast<EventHandle>(event));
}

}  // namespace hologram::cuda
