// What torch asks of a device outside any op: availability, generators, pinned memory, storage growth.

#include <ATen/Context.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>

#include <algorithm>

#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/generator.h"
#include "torch/device/host_allocator.h"
#include "torch/device/storage.h"

namespace hologram {
namespace {

// torch asks the accelerator for pinned memory even when the copy will go to CUDA, and where both exist
// PrivateUse1 counts as the accelerator. Memory pinned by CUDA serves both.
const at::AcceleratorHooksInterface* cuda_hooks() {
  return at::globalContext().hasCUDA() ? &at::globalContext().getAcceleratorHooksInterface(at::kCUDA) : nullptr;
}

struct Hooks final : public at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return device_count() > 0; }
  bool hasPrimaryContext(c10::DeviceIndex device) const override { return device >= 0 && device < shown_device_count(); }
  void init() const override {}

  c10::DeviceIndex deviceCount() const override { return shown_device_count(); }
  c10::DeviceIndex getCurrentDevice() const override { return current_device(); }
  void setCurrentDevice(c10::DeviceIndex device) const override { set_current_device(device); }
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex device) const override { return exchange_device(device); }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex device) const override { return exchange_device(device); }

  const at::Generator& getDefaultGenerator(c10::DeviceIndex device) const override { return default_generator(device); }
  at::Generator getNewGenerator(c10::DeviceIndex device) const override { return new_generator(device); }

  at::Device getDeviceFromPtr(void*) const override { return at::Device(kDeviceType, current_device()); }
  bool isPinnedPtr(const void* data) const override {
    if (is_pinned(data)) return true;
    const auto* cuda = cuda_hooks();
    return cuda && cuda->isPinnedPtr(data);
  }
  c10::Allocator* getPinnedMemoryAllocator() const override {
    if (!default_queue().reads_host_memory()) return &pinned_allocator();   // CUDA knows memory that the driver pinned, by whichever library
    const auto* cuda = cuda_hooks();
    return cuda ? cuda->getPinnedMemoryAllocator() : &pinned_allocator();
  }

  void resizePrivateUse1Bytes(const c10::Storage& storage, size_t bytes) const override {
    resize_storage(*storage.unsafeGetStorageImpl(), bytes);
  }
};

const bool registered = [] {
  at::RegisterPrivateUse1HooksInterface(new Hooks);   // torch keeps it for the life of the process
  return true;
}();

}  // namespace
}  // namespace hologram
