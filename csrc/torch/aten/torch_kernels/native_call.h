// One call of an op in torch's own kernel (CUDA's or MPS's where the memory is theirs and torch has one, else the CPU's), on the
// device's memory: what the boxed path (fallback.cpp) and the typed path (typed_call.h) have in common.
//
// Tensor arguments become aliases (native.h), a device generator becomes a native generator seeded from it, and what comes back
// is a hologram tensor that aliases, owns or is an argument exactly as the schema and the kernel say.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/Generator.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "torch/aten/torch_kernels/native.h"
#include "torch/device/device.h"

namespace at {
struct CPUGeneratorImpl;
}

namespace hologram::aten {

// ---- what is known about an op before it is called: worked out once per op ----

enum class ArgumentKind : uint8_t { Other, Tensor, TensorList, OptionalTensorList, Generator, Device };

struct Plan {
  struct Argument {
    ArgumentKind kind;
    bool written;
    bool may_be_cpu;                     // torch lets a CPU tensor of any size in beside device tensors
  };
  std::string name;                      // "add.Tensor"
  c10::OperatorHandle op;
  OpStat* stat;
  c10::SmallVector<Argument, 12> arguments;
  c10::SmallVector<int, 4> returns;      // the written argument a return stands for, or -1
  bool seeded = false;                   // draws random numbers without a Generator argument ...
  int dropout = -1;                      // ... but only if this argument, a probability, is not 0
  bool has_cpu_kernel = false;           // in the installed torch
  bool on_cuda = false;                  // ... and one for CUDA
  bool on_mps = false;                   // ... and one for MPS that draws no random numbers: those are as on other backends

  explicit Plan(const c10::OperatorHandle& handle) : op(handle) {}
};

/// Lives for ever.
const Plan& plan_of(const c10::OperatorHandle& op);
const Plan& plan_of(const char* name, const char* overload);

// ---- random numbers: a native generator that is a function of the device generator's state ----

/// `device`: whose generator counts where none is given; `native`: the device whose kernel draws.
at::Generator native_generator(const std::optional<at::Generator>& generator, c10::DeviceIndex device, c10::Device native);

/// For ops that draw from the native device's default generator because their schema has no Generator: seeds it from the
/// device's generator and puts its state back afterwards. Such calls take turns.
class SeededDefault {
 public:
  SeededDefault(bool active, c10::DeviceIndex device, c10::Device native);
  ~SeededDefault();
  SeededDefault(const SeededDefault&) = delete;
  SeededDefault& operator=(const SeededDefault&) = delete;

 private:
  std::unique_lock<std::mutex> turn_;
  std::shared_ptr<at::CPUGeneratorImpl> saved_;
  at::Generator other_;                  // of a native device that is not the CPU
  at::Tensor state_;
};

// ---- one call ----

/// First every argument is shown (look), then the devices are known (resolve_device, use), then arguments are converted in order.
class NativeCall {
 public:
  explicit NativeCall(const Plan& plan) : plan_(plan) {}

  void look(const at::Tensor& t) {
    if (!is_hologram(t)) {
      if (!other_tensor_.defined()) other_tensor_ = t;
    } else if (!device_) {
      device_ = t.device();
      on_device_ = true;
      if (t.has_storage()) queue_ = &queue_of(t);
    }
  }
  void look_at_device(c10::Device device) {
    if (device.type() == kDevice && !wanted_) wanted_ = device;
  }
  /// Results live where any hologram tensor lives (the first tensor argument may be a Python number), else where a Device
  /// argument says. Returns the device whose kernel can run: one of torch's for GPUs only if it `may_be_gpu`.
  c10::DeviceType resolve_device(bool may_be_gpu = true);
  /// The device whose kernel runs. To be said anew after a failure.
  void use(c10::DeviceType native);
  c10::Device device() const { return *device_; }

  /// Argument `index` for the native kernel.
  at::Tensor native(const at::Tensor& t, size_t index, bool keep_requires_grad = false);
  at::Generator generator(const std::optional<at::Generator>& given) const;
  /// The device whose kernel runs, in place of ours.
  c10::Device native_device(c10::Device device) const { return device.type() == kDevice ? native_ : device; }
  c10::Device native_device() const { return native_; }
  /// The key under which the native kernel is found.
  c10::DispatchKeySet key() const { return c10::DispatchKeySet(native_key(native_.type())); }

  /// Where the kernel's results come from.
  Queue& queue() const { return queue_ ? *queue_ : current_queue(device_->index()); }

  /// After the kernel: what it did to the geometry of written arguments. Before results are converted.
  void write_back() {
    aliases_.write_back();
    aliases_.report(*plan_.stat);
  }
  at::Tensor result(const at::Tensor& native) const { return aliases_.result(native, *device_); }

 private:
  [[noreturn]] void wrong_device(const at::Tensor& t, size_t index) const;

  const Plan& plan_;
  std::optional<c10::Device> device_, wanted_;
  c10::Device native_{c10::DeviceType::CPU};
  bool on_device_ = false;     // some tensor is
  Queue* queue_ = nullptr;
  at::Tensor other_tensor_;    // one that may lie anywhere
  TensorAliases aliases_;
};

/// The state in which the native kernel of a call runs.
class NativeScope {
 public:
  NativeScope(const NativeCall& call, bool seeded)
      : pool_(call.queue(), call.native_device().type()), seeded_(seeded, call.device().index(), call.native_device()) {}

 private:
  // Aliases are below autograd already; this also keeps what native kernels call from looking at it.
  at::AutoDispatchBelowADInplaceOrView below_;
  PoolScope pool_;
  SeededDefault seeded_;
};

}  // namespace hologram::aten
