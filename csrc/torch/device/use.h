// Whether the program uses the device at all.
#pragma once

#include <c10/core/Device.h>
#include <c10/macros/Macros.h>

#include <atomic>
#include <string>

namespace hologram {

namespace detail {
extern std::atomic<bool> device_in_use;
void first_use();
}  // namespace detail

/// Has this process asked for a tensor of the device? Until then torch is to behave as if the device were not installed.
inline bool in_use() noexcept { return detail::device_in_use.load(std::memory_order_relaxed); }

/// To be called before memory of the device is handed out. The first call throws ValueError if refuse_use() gave a reason.
inline void use() {
  if (C10_UNLIKELY(!in_use())) detail::first_use();
}

/// The device stays known, and its first user gets `reason`.
void refuse_use(std::string reason);

/// The number of devices that autograd starts threads for, at the first backward pass of the process: none before the device is
/// in use, and none while a NoDevicesWithThreads lives on this thread. A process that has such threads cannot run a backward pass
/// in a forked child, not even on CPU tensors.
c10::DeviceIndex devices_with_threads() noexcept;

class NoDevicesWithThreads {
 public:
  NoDevicesWithThreads();
  ~NoDevicesWithThreads();
  NoDevicesWithThreads(const NoDevicesWithThreads&) = delete;
};

/// Has a pass on the device nowhere to run but on the calling thread, because autograd was told of no devices?
bool without_device_threads() noexcept;

}  // namespace hologram
