// Calls of torch's own kernels as nodes of a graph that is captured (runtime/graph).
//
// A call keeps its arguments boxed, and tensors of the CPU whose storages are moved to where the graph's memory lies. It is made
// after the kernel ran, so a capture never changes what the program computes.
#pragma once

#include <ATen/core/stack.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/graph/capturing.h"
#include "torch/aten/torch_kernels/native_call.h"

namespace hologram::aten {

/// Around a call of torch's kernel: what the kernel does to memory is part of it. Does nothing while no graph is captured.
class CapturedCall {
 public:
  CapturedCall() {
    if (capturing()) draws_ = draws_so_far();
  }
  /// The kernel has run with `arguments`, as it was given them; `results` are what it made, as tensors of the device.
  void add(const Plan& plan, torch::jit::Stack arguments, c10::ArrayRef<at::Tensor> results);

 private:
  static std::vector<uint64_t> draws_so_far();
  std::vector<uint64_t> draws_;   // from each generator, before the call
  HostWork work_;
};

// Products: our own, or torch's BLAS.
enum class Product : uint8_t { mm, addmm, bmm, baddbmm, mv, dot };
/// out <- a @ b, or alpha * (a @ b) + beta * out. Tensors of the device.
void capture_product(Product kind, const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const at::Scalar& beta = 1,
                     const at::Scalar& alpha = 1);

/// The same bytes, moved by the queue; `rows` times, one behind the other.
void capture_copy(const void* to, const void* from, size_t bytes, int64_t rows = 1);

/// Around a copy to the device: numbers of the host's are the graph's arguments, or become part of it. A copy to the host is none of
/// the graph's.
class CapturedCopy {
 public:
  CapturedCopy(const at::Tensor& dst, const at::Tensor& src) {
    if (capturing()) begin(dst, src);
  }

 private:
  void begin(const at::Tensor& dst, const at::Tensor& src);
  std::optional<HostWork> work_;
};

/// Around the host's read of a single value. Where the graph may be for that value, it is a check; else the read ends the capture.
class CapturedRead {
 public:
  CapturedRead() {
    if (capturing()) begin();
  }
  void add(const at::Tensor& value) const;

 private:
  void begin();
  std::optional<HostWork> work_;
};

/// The host has read a tensor of its own. Where that is an argument, the graph is for these values.
void capture_values(const at::Tensor& host);

/// Work of the host on memory of the device that is neither a kernel nor an op: `f(addresses)`.
void capture_work(const char* name, std::initializer_list<MemoryUse> uses, std::string facts, std::function<void(char* const*)> f);
void capture_work(const char* name, c10::ArrayRef<MemoryUse> uses, std::string facts, std::function<void(char* const*)> f);

/// The value of `flag`, which an op computed to know whether its arguments are what they must be. In a graph it is looked at in each run,
/// which ends with `message` where it is false.
bool passes(const at::Tensor& flag, const char* message);

}  // namespace hologram::aten
