#include "runtime/backends/metal/queue.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/config.h"
#include "runtime/base/error.h"
#include "runtime/ir/fold_schedule.h"

namespace hologram::metal {
namespace {
Mark& mark_of(void* event) { return *static_cast<Mark*>(event); }
}  // namespace

const BackendInfo info = {
    "metal", "Metal", MemoryKind::Metal, /*host_visible=*/true, /*reads_host_memory=*/false, /*host_waits=*/true, /*has_float64=*/false,
    kGridSplits,
    []() -> hologram::Queue* { return device_failure().empty() ? &Device::open(0).queue(0) : nullptr; },
    [] { return std::string(device_failure()); },
    [] { return std::string(library_failure()); },
    [] { return Device::opened_before_fork(); }};

MetalQueue::MetalQueue(Device& device, int stream_index) : GpuQueue(metal::info, device, stream_index), commands_(device) {}

// ---- memory ----

void* MetalQueue::allocate(size_t bytes) {
  owner_.check_usable();
  shared_.collect();
  if (void* data = owner_.allocate(bytes)) return data;
  empty_other_caches();
  return owner_.allocate(bytes);
}

void* MetalQueue::allocate_pinned(size_t bytes) {
  owner_.check_usable();
  return owner_.allocate(bytes);
}

void MetalQueue::release_shared(Block* block) noexcept {
  shared_.release(block, !Device::opened_before_fork() && !owner_.lost());
}

// ---- copies ----

void MetalQueue::copy_by_host(void* dst, const void* src, size_t bytes) {
  commands_.wait();
  std::memcpy(dst, src, bytes);
}

void MetalQueue::copy(void* dst, const void* src, size_t bytes) {
  if (bytes && !commands_.copy(dst, src, bytes)) copy_by_host(dst, src, bytes);
}

void MetalQueue::upload(void* dst, const void* src, size_t bytes, bool pinned) {
  if (!bytes) return;
  constexpr size_t kSmall = 64 << 10;
  owner_.check_usable();
  if (commands_.busy()) {   // otherwise nothing is in the way of the host
    if (pinned && commands_.copy(dst, src, bytes)) return;
    if (!pinned && bytes <= kSmall && commands_.copy_staged(dst, src, bytes)) return;
  }
  copy_by_host(dst, src, bytes);
}

void MetalQueue::download(void* dst, const void* src, size_t bytes, bool pinned) {
  if (!bytes) return;
  if (pinned && commands_.busy() && commands_.copy(dst, src, bytes)) return;
  copy_by_host(dst, src, bytes);
}

void MetalQueue::copy_from(Queue& other, void* dst, const void* src, size_t bytes) {
  if (!bytes) return;
  if (&other == this) return copy(dst, src, bytes);
  auto& source = static_cast<MetalQueue&>(other);
  if (&source.owner_ != &owner_) {   // no device copies from another's buffers
    source.commands_.wait();
    return copy_by_host(dst, src, bytes);
  }
  {
    std::lock_guard<std::mutex> hold(source.marker_lock_);
    source.commands_.record(source.marker_);
    commands_.wait_for(source.marker_);
  }
  copy(dst, src, bytes);
  // The source's memory may be used again only after the copy.
  std::lock_guard<std::mutex> hold(marker_lock_);
  commands_.record(marker_);
  source.commands_.wait_for(marker_);
}

// ---- kernels ----

void MetalQueue::launch(const Kernel& base, void* const* operands, const int64_t* args, int64_t n, int64_t per_item) {
  const Launch one{operands, args, n, per_item};
  launch_records(static_cast<const MetalKernel&>(base), &one, 1);
}

void MetalQueue::launch_many(const Kernel& base, const Launch* launches, int count) {
  const auto& kernel = static_cast<const MetalKernel&>(base);
  constexpr int kGridY = 65535, kOnStack = 256;
  const int per_ring = static_cast<int>(Commands::kRingBytes / 2 / (static_cast<size_t>(kernel.words()) * sizeof(int64_t)));
  Launch live[kOnStack];
  for (int next = 0; next < count;) {
    int some = 0;
    for (; next < count && some < std::min({kOnStack, kGridY, per_ring}); ++next)
      if (launches[next].items > 0) live[some++] = launches[next];
    if (some) launch_records(kernel, live, some);
  }
}

void MetalQueue::launch_records(const MetalKernel& kernel, const Launch* launches, int count) {
  int64_t items = 0, most = 0;
  for (int i = 0; i < count; ++i) {
    items += launches[i].items;
    most = std::max(most, launches[i].items);
  }
  if (most <= 0) return;
  const unsigned blocks = kernel.blocks_for(most, count);
  commands_.launch(kernel, launches, count, blocks);
  if (config().sync) commands_.wait();   // a failure is this kernel's
  this->count(kernel, items, launches->elements_per_item, blocks * static_cast<unsigned>(count));
}

// ---- libraries with a queue of their own ----

void MetalQueue::lead(Id command_buffer) {
  std::lock_guard<std::mutex> hold(marker_lock_);
  commands_.record(lead_);
  const Pool pool;
  send<void>(command_buffer, sel().wait_event, lead_.event.get(), lead_.value);
}

void MetalQueue::follow(Id command_buffer) {
  std::lock_guard<std::mutex> hold(marker_lock_);
  commands_.wait_for(command_buffer, follow_);
}

// ---- time ----

void MetalQueue::record_event(void** event, bool) {
  if (!*event) *event = new Mark;
  commands_.record(mark_of(*event));
}

void MetalQueue::wait_event(void* event) { commands_.wait_for(mark_of(event)); }

bool MetalQueue::event_done(void* event) {
  owner_.check_usable();
  const Pool pool;
  return mark_of(event).done();
}

void MetalQueue::synchronize_event(void* event) { commands_.wait(mark_of(event)); }

double MetalQueue::elapsed_milliseconds(void* first, void* second) {
  owner_.check_usable();
  const Pool pool;
  const Mark &from = mark_of(first), &to = mark_of(second);
  if (!from.done() || !to.done())
    fail(Error::Kind::Runtime, "hologram.Event.elapsed_time: both events must be completed. Synchronize them first.");
  const auto end = [](const Mark& mark) { return send<double>(mark.buffer.get(), sel().end_time); };
  return 1e3 * (end(to) - end(from));
}

void MetalQueue::destroy_event(void* event) noexcept {
  if (Device::opened_before_fork()) return;
  const Pool pool;
  delete static_cast<Mark*>(event);
}

}  // namespace hologram::metal
