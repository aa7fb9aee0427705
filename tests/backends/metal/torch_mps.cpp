// torch's MPS device without a Mac, for tests: an extension that gives this torch kernels for it, on the fake Metal. An MPS storage
// is an MTLBuffer of the fake, as in torch; freed buffers are given out again at once.
#include <ATen/detail/MPSHooksInterface.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <c10/core/Allocator.h>
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <unordered_map>

namespace {

using Id = void*;
using UInt = unsigned long;

// ---- the fake Metal ----

template <class F>
F entry(const char* name) {
  static void* const library = dlopen(std::getenv("HOLOGRAM_METAL_DRIVER"), RTLD_NOW);
  return reinterpret_cast<F>(dlsym(library, name));
}

template <class R, class... Args>
R send(Id object, const char* selector, Args... args) {
  static const auto name = entry<Id (*)(const char*)>("sel_registerName");
  static const auto message = entry<void (*)()>("objc_msgSend");
  return reinterpret_cast<R (*)(Id, Id, Args...)>(message)(object, name(selector), args...);
}
void release(Id object) { entry<void (*)(Id)>("objc_release")(object); }

struct Pool {
  void* pool = entry<void* (*)()>("objc_autoreleasePoolPush")();
  ~Pool() { entry<void (*)(void*)>("objc_autoreleasePoolPop")(pool); }
};

Id device() {
  static const Id first = send<Id>(entry<Id (*)()>("MTLCopyAllDevices")(), "objectAtIndex:", UInt{0});
  return first;
}

size_t whole(size_t bytes) { return (std::max<size_t>(bytes, 1) + 3) / 4 * 4; }
Id new_buffer(size_t bytes) { return send<Id>(device(), "newBufferWithLength:options:", UInt{whole(bytes)}, UInt{0}); }
char* contents(Id buffer) { return send<char*>(buffer, "contents"); }

// ---- torch's MPS stream and memory ----

struct Stream {
  Id queue = send<Id>(device(), "newCommandQueue");
  Id filled = nullptr;

  Id buffer() {
    const Pool pool;
    if (!filled) filled = entry<Id (*)(Id)>("objc_retain")(send<Id>(queue, "commandBuffer"));
    return filled;
  }
  void commit(bool wait) {
    const Pool pool;
    const Id last = buffer();
    send<void>(last, "commit");
    if (wait) send<void>(last, "waitUntilCompleted");
    release(last);
    filled = nullptr;
  }
};

Stream& stream() {
  static auto& s = *new Stream;
  return s;
}

struct BufferAllocator final : c10::Allocator {
  static inline std::multimap<size_t, Id> free;
  static inline std::unordered_map<Id, size_t> sizes;

  c10::DataPtr allocate(size_t bytes) override {
    bytes = whole(bytes);
    Id buffer;
    if (const auto found = free.find(bytes); found != free.end()) {
      buffer = found->second;
      free.erase(found);
    } else {
      buffer = new_buffer(bytes);
      TORCH_CHECK(buffer, "fake MPS: out of memory");
      sizes[buffer] = bytes;
      std::memset(contents(buffer), 0xA5, bytes);
    }
    return {buffer, buffer, [](void* b) { free.emplace(sizes[b], b); }, c10::Device(c10::DeviceType::MPS, 0)};
  }
  void copy_data(void*, const void*, size_t) const override { TORCH_CHECK(false, "fake MPS: copy_data"); }
};

struct Gpu {
  static constexpr c10::DeviceType type = c10::DeviceType::MPS;
  static constexpr c10::DispatchKey key = c10::DispatchKey::MPS;
  static c10::Allocator& allocator() {
    static auto& a = *new BufferAllocator;
    return a;
  }
  static void finish() { stream().commit(/*wait=*/true); }
  static void read(void* to, void* storage, size_t bytes) { std::memcpy(to, contents(storage), bytes); }
  static void arrive(const void* bytes, size_t count, void* storage, size_t offset) {
    const Pool pool;
    const Id staging = new_buffer(count);
    std::memcpy(contents(staging), contents(storage) + offset, whole(count));   // the last word may be another's
    std::memcpy(contents(staging), bytes, count);
    const Id encoder = send<Id>(stream().buffer(), "blitCommandEncoder");
    send<void>(encoder, "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:", staging, UInt{0}, storage, UInt{offset}, UInt{whole(count)});
    send<void>(encoder, "endEncoding");
    release(staging);
  }
};

}  // namespace

#include "torch_gpu.h"

namespace {

using SymInts = c10::SymIntArrayRef;

// A torch that was built without MPS asks for convolutions by these names; one that has it calls MPS's own.
at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias, SymInts stride, SymInts padding,
                       SymInts dilation, bool transposed, SymInts output_padding, c10::SymInt groups) {
  check_served("convolution");
  Staged staged;
  std::optional<at::Tensor> b;
  if (bias && bias->defined()) b = staged.in(*bias);
  return staged.out(at::convolution_symint(staged.in(input), staged.in(weight), b, stride, padding, dilation, transposed, output_padding, groups));
}
std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(const at::Tensor& grad, const at::Tensor& input, const at::Tensor& weight,
    SymInts stride, SymInts padding, SymInts dilation, bool transposed, SymInts output_padding, c10::SymInt groups, std::array<bool, 3> mask) {
  check_served("convolution_backward");
  Staged staged;
  const c10::SymInt bias[] = {grad.sym_size(1)};
  auto [a, b, c] = at::convolution_backward_symint(staged.in(grad), staged.in(input), staged.in(weight), SymInts(bias), stride, padding, dilation,
                                                   transposed, output_padding, groups, mask);
  return {staged.out(a), staged.out(b), staged.out(c)};
}

TORCH_LIBRARY_IMPL(aten, MPS, m) {
  register_kernels(m);
  m.impl("convolution_overrideable", &convolution);
  m.impl("convolution_backward_overrideable", &convolution_backward);
}

C10_REGISTER_GUARD_IMPL(MPS, c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::MPS>)

}  // namespace

namespace at {

struct MPSHooks final : MPSHooksInterface {
  void init() const override {}
  bool hasMPS() const override { return true; }
  bool isOnMacOSorNewer(unsigned, unsigned) const override { return true; }
  Allocator* getMPSDeviceAllocator() const override { return &Gpu::allocator(); }
  void deviceSynchronize() const override { stream().commit(true); }
  void commitStream() const override { stream().commit(false); }
  void* getCommandBuffer() const override { return stream().buffer(); }
  void* getDispatchQueue() const override { return nullptr; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
};

REGISTER_MPS_HOOKS(MPSHooks)

}  // namespace at
