// Streams and events as torch sees them.
//
// A torch stream is a queue of a device, by its number (runtime/device/queue.h). The CPU backend runs everything in order, so that all
// its streams are one queue. Each thread has its own current stream, as users of other devices expect.
#pragma once

#include <c10/core/Storage.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "runtime/device/queue.h"

namespace hologram {

c10::Stream torch_stream(c10::DeviceIndex device);                 // current for the calling thread; -1: current device
c10::Stream default_torch_stream(c10::DeviceIndex device);
c10::Stream new_torch_stream(c10::DeviceIndex device);
c10::Stream exchange_torch_stream(c10::Stream stream);             // makes it current, returns the previous one of its device
/// The queue behind a stream.
Queue& queue_of(const c10::Stream& stream);
void synchronize_stream(const c10::Stream& stream);
bool query_stream(const c10::Stream& stream);
/// The stream uses this memory: it is not reused before the stream's work is done, whichever owner lets go of it.
void note_use(const c10::DataPtr& data, const c10::Stream& stream);

/// A point in a stream: the moment everything submitted before it had run.
struct Event {
  Queue* queue = nullptr;       // null: not recorded yet
  void* handle = nullptr;         // of a backend with a clock of its own
  int64_t nanoseconds = 0;        // elsewhere
};

void record_event(void** event, const c10::Stream& stream, bool timed);
void wait_event(void* event, const c10::Stream& stream);
bool query_event(void* event);
void synchronize_event(void* event);
double elapsed_milliseconds(const void* first, const void* second);
void destroy_event(void* event) noexcept;

}  // namespace hologram
