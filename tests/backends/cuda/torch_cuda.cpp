// torch's CUDA device without a GPU, for tests: an extension that gives this torch kernels for it, on the fake driver. A CUDA
// stream's id is its driver's handle, as for streams that torch did not make.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

namespace {

using Address = unsigned long long;

template <class... Args>
void call(const char* name, Args... args) {
  static void* const library = dlopen(std::getenv("HOLOGRAM_CUDA_DRIVER"), RTLD_NOW);
  const int result = reinterpret_cast<int (*)(Args...)>(dlsym(library, name))(args...);
  TORCH_CHECK(result == 0, "fake CUDA: ", name, " gives ", result);
}

thread_local c10::DeviceIndex current = 0;
thread_local c10::StreamId streams[8] = {};

void* handle() { return reinterpret_cast<void*>(streams[current]); }

/// The primary context of the current device.
struct Scope {
  Scope() {
    void* context = nullptr;
    call("cuInit", 0u);
    call("cuDevicePrimaryCtxRetain", &context, static_cast<int>(current));
    call("cuCtxPushCurrent_v2", context);
  }
  ~Scope() {
    void* context = nullptr;
    call("cuCtxPopCurrent_v2", &context);
  }
};

struct DeviceAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    const Scope scope;
    Address a = 0;
    if (bytes) call("cuMemAlloc_v2", &a, bytes);
    void* data = reinterpret_cast<void*>(a);
    return {data, data, [](void* d) {
      if (!d) return;
      const Scope scope;
      call("cuMemFree_v2", reinterpret_cast<Address>(d));
    }, c10::Device(c10::DeviceType::CUDA, current)};
  }
  void copy_data(void*, const void*, size_t) const override { TORCH_CHECK(false, "fake CUDA: copy_data"); }
};

struct PinnedAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    const Scope scope;
    void* data = nullptr;
    call("cuMemHostAlloc", &data, std::max<size_t>(bytes, 1), 1u);
    return {data, data, [](void* d) {
      const Scope scope;
      call("cuMemFreeHost", d);
    }, c10::Device(c10::DeviceType::CPU)};
  }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};

struct Gpu {
  static constexpr c10::DeviceType type = c10::DeviceType::CUDA;
  static constexpr c10::DispatchKey key = c10::DispatchKey::CUDA;
  static c10::Allocator& allocator() {
    static auto& a = *new DeviceAllocator;
    return a;
  }
  static void finish() {
    const Scope scope;
    call("cuStreamSynchronize", handle());
  }
  static void read(void* to, void* storage, size_t bytes) {
    const Scope scope;
    call("cuMemcpyDtoHAsync_v2", to, reinterpret_cast<Address>(storage), bytes, handle());
    call("cuStreamSynchronize", handle());
  }
  static void arrive(const void* bytes, size_t count, void* storage, size_t offset) {
    const Scope scope;
    call("cuMemcpyHtoDAsync_v2", reinterpret_cast<Address>(storage) + offset, bytes, count, handle());
  }
};

struct Guard final : c10::impl::DeviceGuardImplInterface {
  explicit Guard(c10::DeviceType = c10::DeviceType::CUDA) {}
  c10::DeviceType type() const override { return c10::DeviceType::CUDA; }
  c10::Device exchangeDevice(c10::Device d) const override {
    const c10::Device before = getDevice();
    current = d.index();
    return before;
  }
  c10::Device getDevice() const override { return {c10::DeviceType::CUDA, current}; }
  void setDevice(c10::Device d) const override { current = d.index(); }
  void uncheckedSetDevice(c10::Device d) const noexcept override { current = d.index(); }
  c10::Stream getStream(c10::Device d) const override { return c10::Stream(c10::Stream::UNSAFE, d, streams[d.index()]); }
  c10::Stream exchangeStream(c10::Stream s) const override {
    const c10::Stream before = getStream(s.device());
    streams[s.device_index()] = s.id();
    return before;
  }
  c10::DeviceIndex deviceCount() const noexcept override { return 2; }
};

C10_REGISTER_GUARD_IMPL(CUDA, Guard)
const bool registered = (c10::SetAllocator(c10::DeviceType::CUDA, &Gpu::allocator()), true);

}  // namespace

#include "torch_gpu.h"

namespace {

TORCH_LIBRARY_IMPL(aten, CUDA, m) { register_kernels(m); }

}  // namespace

namespace at {

struct CUDAHooks final : CUDAHooksInterface {
  explicit CUDAHooks(CUDAHooksArgs) {}
  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  DeviceIndex current_device() const override { return current; }
  DeviceIndex deviceCount() const override { return 2; }
  int getNumGPUs() const override { return 2; }
  Allocator* getCUDADeviceAllocator() const override { return &Gpu::allocator(); }
  Allocator* getPinnedMemoryAllocator() const override {
    static auto& a = *new PinnedAllocator;
    return &a;
  }
  // A generator of the CPU is what its kernels take.
  const Generator& getDefaultGenerator(DeviceIndex) const override {
    static const Generator g = detail::createCPUGenerator(0);
    return g;
  }
  Generator getNewGenerator(DeviceIndex) const override { return detail::createCPUGenerator(0); }
};

REGISTER_CUDA_HOOKS(CUDAHooks)

}  // namespace at
