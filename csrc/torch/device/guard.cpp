// The device guard: how torch switches devices and streams and waits for them.

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "torch/device/autograd.h"
#include "torch/device/device.h"
#include "torch/device/stream.h"
#include "torch/device/use.h"
#include "torch/torch_version.h"

namespace hologram {
namespace {

struct GuardImpl final : public c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kDeviceType; }

  c10::Device exchangeDevice(c10::Device device) const override {
    return c10::Device(kDeviceType, exchange_device(device.index()));
  }
  c10::Device getDevice() const override { return c10::Device(kDeviceType, current_device()); }
  void setDevice(c10::Device device) const override {
    note_device_thread();
    exchange_device(device.index());
  }
  void uncheckedSetDevice(c10::Device device) const noexcept override { set_current_device_unchecked(device.index()); }
  c10::DeviceIndex deviceCount() const noexcept override { return devices_with_threads(); }   // it is autograd that asks

  // The types whose tensors can be made, copied and converted, and computed with as far as the CPU computes with them: compiled,
  // or in torch's kernels. Not the quantized ones.
  c10::DeviceCapability getDeviceCapability(c10::Device) const override {
    c10::DeviceCapability capability;
    capability.capability_data.capability_bits = 0;
    auto& has = capability.capability_data.supported_scalar_types;
    has.has_Byte = has.has_Char = has.has_Short = has.has_Int = has.has_Long = has.has_Bool = 1;
    has.has_UInt16 = has.has_UInt32 = has.has_UInt64 = 1;
    has.has_Half = has.has_BFloat16 = has.has_Float = has.has_Double = 1;
    has.has_ComplexHalf = has.has_ComplexFloat = has.has_ComplexDouble = 1;
#if HOLOGRAM_TORCH_AT_LEAST(2, 14)
    has.has_BComplex32 = 1;
#endif
    has.has_Float8_e5m2 = has.has_Float8_e4m3fn = has.has_Float8_e5m2fnuz = has.has_Float8_e4m3fnuz = has.has_Float8_e8m0fnu = 1;
    return capability;
  }

  c10::Stream getStream(c10::Device device) const override { return torch_stream(device.index()); }
  c10::Stream getDefaultStream(c10::Device device) const override { return default_torch_stream(device.index()); }
  c10::Stream getStreamFromGlobalPool(c10::Device device, bool) const override { return new_torch_stream(device.index()); }
  c10::Stream getNewStream(c10::Device device, int) const override { return new_torch_stream(device.index()); }
  c10::Stream exchangeStream(c10::Stream stream) const override { return exchange_torch_stream(stream); }
  void* getStreamNativeHandle(const c10::Stream stream) const override {
    Queue& queue = queue_of(stream);
    return queue.max_queues() > 1 ? queue.native_handle() : &queue.stream();
  }
  bool queryStream(const c10::Stream& stream) const override {
    return query_stream(stream);
  }
  void synchronizeStream(const c10::Stream& stream) const override { synchronize_stream(stream); }
  void synchronizeDevice(const c10::DeviceIndex device) const override { synchronize_device(device); }

  void record(void** event, const c10::Stream& stream, const c10::DeviceIndex, const c10::EventFlag flag) const override {
    record_event(event, stream, flag == c10::EventFlag::BACKEND_DEFAULT);
  }
  void block(void* event, const c10::Stream& stream) const override { wait_event(event, stream); }
  bool queryEvent(void* event) const override { return query_event(event); }
  void synchronizeEvent(void* event) const override { synchronize_event(event); }
  void recordDataPtrOnStream(const c10::DataPtr& data, const c10::Stream& stream) const override { note_use(data, stream); }
  void destroyEvent(void* event, const c10::DeviceIndex) const noexcept override { destroy_event(event); }
  double elapsedTime(void* first, void* second, const c10::DeviceIndex) const override {
    return elapsed_milliseconds(first, second);
  }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, GuardImpl)

}  // namespace
}  // namespace hologram
