#include "torch/device/stream.h"

#include <atomic>
#include <chrono>
#include <map>

#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"

namespace hologram {
namespace {

c10::Device device_at(c10::DeviceIndex index) { return c10::Device(kDeviceType, checked_device_index(index)); }

// Stream 0 is the default one and needs no entry. Backends have streams of their own.
thread_local std::map<std::pair<const char*, c10::DeviceIndex>, c10::StreamId> current;
std::atomic<c10::StreamId> last_id{0};

std::pair<const char*, c10::DeviceIndex> place(c10::DeviceIndex index) { return {default_queue().name(), index}; }

const Event& recorded(const void* event, const char* what) {
  const auto* e = static_cast<const Event*>(event);
  TORCH_CHECK(e && e->queue, "hologram.Event.", what, ": the event has not been recorded.");
  return *e;
}

}  // namespace

c10::Stream torch_stream(c10::DeviceIndex index) {
  const c10::Device device = device_at(index);
  const auto found = current.find(place(device.index()));
  return c10::Stream(c10::Stream::UNSAFE, device, found == current.end() ? 0 : found->second);
}

c10::Stream default_torch_stream(c10::DeviceIndex index) { return c10::Stream(c10::Stream::DEFAULT, device_at(index)); }

// A backend with several queues lends them in turns, as CUDA's pool of streams does.
c10::Stream new_torch_stream(c10::DeviceIndex index) {
  const c10::Device device = device_at(index);
  const c10::StreamId id = last_id.fetch_add(1, std::memory_order_relaxed);
  const int queues = default_queue().max_queues();
  return c10::Stream(c10::Stream::UNSAFE, device, 1 + (queues > 1 ? id % (queues - 1) : id));
}

c10::Stream exchange_torch_stream(c10::Stream stream) {
  const c10::Stream previous = torch_stream(stream.device_index());
  if (previous.id() == stream.id()) return previous;
  Queue& queue = queue_of(stream);
  current[place(previous.device_index())] = stream.id();
  if (default_queue().max_queues() > 1)
    with_c10_errors([&] { queue.use_stream(previous.device_index(), static_cast<int>(stream.id())); });
  return previous;
}

Queue& queue_of(const c10::Stream& stream) {
  Queue& queue = default_queue();
  const c10::DeviceIndex device = checked_device_index(stream.device_index());
  const int queues = queue.max_queues();
  TORCH_CHECK(queues == 1 || (stream.id() >= 0 && stream.id() < queues), "hologram.Stream: the backend '", queue.name(),
              "' has no stream ", stream.id(), ". Make streams with torch.Stream(device='hologram').");
  return with_c10_errors([&]() -> Queue& { return queue.queue(device, queues == 1 ? 0 : static_cast<int>(stream.id())); });
}

void synchronize_stream(const c10::Stream& stream) {
  with_c10_errors([&] { queue_of(stream).stream().synchronize(); });
}

bool query_stream(const c10::Stream& stream) {
  return with_c10_errors([&] {
    Queue& queue = queue_of(stream);
    queue.stream().flush(Reason::Synchronize);
    return queue.idle();
  });
}

void note_use(const c10::DataPtr& data, const c10::Stream& stream) {
  Block* block = block_of(data);
  if (!block || block->queue->max_queues() == 1) return;   // one queue: what comes later uses it later
  with_c10_errors([&] { block->queue->record_use(*block, queue_of(stream)); });
}

void record_event(void** event, const c10::Stream& stream, bool timed) {
  with_c10_errors([&] {
    Queue& queue = queue_of(stream);
    queue.stream().flush(Reason::Synchronize);   // it happens after what was submitted before it
    if (!*event) *event = new Event;
    Event& e = *static_cast<Event*>(*event);
    e.queue = &queue;
    queue.record_event(&e.handle, timed);
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    e.nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  });
}

void wait_event(void* event, const c10::Stream& stream) {
  const auto* e = static_cast<const Event*>(event);
  if (!e || !e->handle) return;                  // it has happened, or was never recorded
  with_c10_errors([&] {
    Queue& queue = queue_of(stream);
    queue.stream().flush(Reason::Synchronize);   // what was submitted before does not wait
    queue.wait_event(e->handle);
  });
}

bool query_event(void* event) {
  const auto* e = static_cast<const Event*>(event);
  return !e || !e->handle || with_c10_errors([&] { return e->queue->event_done(e->handle); });
}

void synchronize_event(void* event) {
  const auto* e = static_cast<const Event*>(event);
  if (e && e->handle) with_c10_errors([&] { e->queue->synchronize_event(e->handle); });
}

double elapsed_milliseconds(const void* first, const void* second) {
  const Event &from = recorded(first, "elapsed_time"), &to = recorded(second, "elapsed_time");
  if (from.handle && to.handle) return with_c10_errors([&] { return to.queue->elapsed_milliseconds(from.handle, to.handle); });
  return static_cast<double>(to.nanoseconds - from.nanoseconds) * 1e-6;
}

void destroy_event(void* event) noexcept {
  const auto* e = static_cast<const Event*>(event);
  if (e && e->handle) e->queue->destroy_event(e->handle);
  delete e;
}

}  // namespace hologram
