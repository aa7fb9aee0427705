// Which backend and which of its devices a thread works on.
#pragma once

#include <c10/core/Device.h>

#include <atomic>
#include <string>

#include "runtime/device/queue.h"
#include "runtime/trace/stream.h"

namespace hologram {

constexpr c10::DeviceType kDeviceType = c10::DeviceType::PrivateUse1;

namespace detail {
extern std::atomic<Queue*> active_queue;   // null until a backend is chosen or asked for
Queue& choose_backend();
}

/// Queue 0 of the first device of the backend that new tensors are made on. Tensors stay on the backend they were made on.
/// Where none was chosen (HOLOGRAM_BACKEND=auto), the first caller gets the best one that torch's own kernels work on without
/// copies: Metal where there is one, else CUDA if torch has CUDA kernels and a device, else the CPU.
inline Queue& default_queue() {
  Queue* const queue = detail::active_queue.load(std::memory_order_acquire);
  return C10_LIKELY(queue != nullptr) ? *queue : detail::choose_backend();
}
/// The queue of it that the calling thread uses on a device.
inline Queue& current_queue(c10::DeviceIndex device) { return default_queue().current(device); }
/// Throws ValueError for an unknown name, RuntimeError with the reason for an absent backend.
void set_current_backend(const std::string& name);
/// The same, but a GPU is opened when it is first needed; what can be told before is told now.
void prefer_backend(const std::string& name);

c10::DeviceIndex device_count() noexcept;
/// torchrun starts one process for each device of a machine, and its programs take the device of their LOCAL_RANK. Where there is one
/// device, which those processes share, each of these indices means that one.
c10::DeviceIndex shown_device_count() noexcept;
c10::DeviceIndex current_device() noexcept;                  // of the calling thread
void set_current_device(c10::DeviceIndex index);             // throws for an index out of range
c10::DeviceIndex exchange_device(c10::DeviceIndex index);    // returns the previous one; a negative index changes nothing
void set_current_device_unchecked(c10::DeviceIndex index) noexcept;
/// -1 becomes the current device; an index out of range throws torch's message.
c10::DeviceIndex checked_device_index(c10::DeviceIndex index);

/// Waits for everything submitted to the device.
void synchronize_device(c10::DeviceIndex index);

/// True in a process forked from one that had loaded the device.
bool in_forked_child() noexcept;
/// Is the backend in use one that a parent had opened and its child cannot use? The CPU's goes on (on one thread).
bool lost_by_fork();

}  // namespace hologram
