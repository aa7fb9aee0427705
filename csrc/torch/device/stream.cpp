#include "torch/device/stream.h"

#include <atomic>
#include <chrono>
#include <unordered_map>

#include "torch/device/device.h"

namespace hologram {
namespace {

c10::Device device_at(c10::DeviceIndex index) { return c10::Device(kDeviceType, checked_device_index(index)); }

// Stream 0 is the default one and needs no entry.
thread_local std::unordered_map<c10::DeviceIndex, c10::StreamId> current;
std::atomic<c10::StreamId> last_id{0};

}  // namespace

c10::Stream torch_stream(c10::DeviceIndex index) {
  const c10::Device device = device_at(index);
  const auto found = current.find(device.index());
  return c10::Stream(c10::Stream::UNSAFE, device, found == current.end() ? 0 : found->second);
}

c10::Stream default_torch_stream(c10::DeviceIndex index) { return c10::Stream(c10::Stream::DEFAULT, device_at(index)); }

c10::Stream new_torch_stream(c10::DeviceIndex index) {
  return c10::Stream(c10::Stream::UNSAFE, device_at(index), last_id.fetch_add(1, std::memory_order_relaxed) + 1);
}

c10::Stream exchange_torch_stream(c10::Stream stream) {
  const c10::Stream previous = torch_stream(stream.device_index());
  current[previous.device_index()] = stream.id();
  return previous;
}

void synchronize_stream(const c10::Stream& stream) { synchronize_device(stream.device_index()); }

void record_event(void** event, const c10::Stream& stream) {
  synchronize_stream(stream);   // in order: the event has happened once the work before it has run
  if (!*event) *event = new Event;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  static_cast<Event*>(*event)->nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

double elapsed_milliseconds(const void* first, const void* second) {
  return static_cast<double>(static_cast<const Event*>(second)->nanoseconds - static_cast<const Event*>(first)->nanoseconds) * 1e-6;
}

void destroy_event(void* event) noexcept { delete static_cast<Event*>(event); }

}  // namespace hologram
