#include "torch/device/use.h"

#include <c10/util/Exception.h>

#include <utility>

#include "torch/device/autograd.h"
#include "torch/device/device.h"

namespace hologram {

std::atomic<bool> detail::device_in_use{false};

namespace {
std::string refusal;                               // written before the device can be named
std::atomic<bool> threads_were_declined{false};
thread_local bool declines_threads = false;
}  // namespace

void refuse_use(std::string reason) { refusal = std::move(reason); }

void detail::first_use() {
  TORCH_CHECK_VALUE(refusal.empty(), refusal);
  watch_passes();
  device_in_use.store(true, std::memory_order_relaxed);
}

c10::DeviceIndex devices_with_threads() noexcept {
  if (in_use() && !declines_threads) return device_count();
  threads_were_declined.store(true, std::memory_order_relaxed);
  return 0;
}

NoDevicesWithThreads::NoDevicesWithThreads() { declines_threads = true; }
NoDevicesWithThreads::~NoDevicesWithThreads() { declines_threads = false; }

bool without_device_threads() noexcept { return in_use() && threads_were_declined.load(std::memory_order_relaxed); }

}  // namespace hologram
