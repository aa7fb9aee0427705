// Streams and events as torch sees them.
//
// The CPU backend runs everything in order, so that all streams of a device are lanes into one runtime stream; each
// thread has its own current stream, as users of other devices expect.
#pragma once

#include <c10/core/Stream.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace hologram {

c10::Stream torch_stream(c10::DeviceIndex device);                 // current for the calling thread; -1: current device
c10::Stream default_torch_stream(c10::DeviceIndex device);
c10::Stream new_torch_stream(c10::DeviceIndex device);
c10::Stream exchange_torch_stream(c10::Stream stream);             // makes it current, returns the previous one of its device
void synchronize_stream(const c10::Stream& stream);

/// A point in a stream: the moment everything submitted before it had run.
struct Event {
  int64_t nanoseconds = 0;
};

void record_event(void** event, const c10::Stream& stream);
double elapsed_milliseconds(const void* first, const void* second);
void destroy_event(void* event) noexcept;

}  // namespace hologram
