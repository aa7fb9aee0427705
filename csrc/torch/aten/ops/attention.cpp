// Scaled dot product attention: torch's flash attention for the CPU, on aliases of the device's memory.
//
// torch asks the device which implementation suits the arguments. The CPU's own answer decides: where it would run flash
// attention we do, everywhere else the composite formula runs on our kernels. For flash attention torch calls, on every device but
// CUDA and XPU, the ops that are named after the CPU: their derivative keeps tensors only, and they can be traced.
#include <ATen/Context.h>
#include <ATen/OpMathType.h>
#include <ATen/SDPBackend.h>
#include <ATen/core/Tensor.h>
#include <ATen/native/transformers/attention.h>
#include <ATen/ops/_fused_sdp_choice_ops.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward_ops.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_ops.h>
#include <torch/library.h>

#include <tuple>

#include "torch/aten/core/common.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {
namespace {

using at::Tensor;

int64_t choose(const Tensor& query, const Tensor& key, const Tensor& value, const std::optional<Tensor>& mask,
               double dropout, bool causal, std::optional<double> scale, bool enable_gqa) {
  constexpr auto math = static_cast<int64_t>(at::SDPBackend::math);
  if (!is_hologram(query) || key.device() != query.device() || value.device() != query.device()) return math;
  if (!on_host_kernels(query) || !on_host_kernels(key) || !on_host_kernels(value)) return math;   // the kernel is the CPU's
  if (mask && mask->defined() && (mask->requires_grad() || mask->device() != query.device())) return math;
  // The CPU's kernel looks at sizes, types and the user's switches only: no aliases needed.
  return at::_ops::_fused_sdp_choice::redispatch(c10::DispatchKeySet(c10::DispatchKey::CPU), query, key, value, mask, dropout,
                                                 causal, scale, enable_gqa);
}

constexpr const char kForward[] = "hologram._scaled_dot_product_flash_attention_for_cpu";
constexpr const char kBackward[] = "hologram._scaled_dot_product_flash_attention_for_cpu_backward";

/// The kernel takes every other size from the query, and trusts that what it divides by is not 0. A caller of _fused_sdp_choice has
/// this checked; the ops can be called without.
void check_sizes(const char* op, const Tensor& query, const Tensor& key, const Tensor& value) {
  TORCH_CHECK(query.dim() == 4 && key.dim() == 4 && value.dim() == 4, op, ": query, key and value have ", query.dim(), ", ", key.dim(),
              " and ", value.dim(), " dimensions. Pass tensors of shape (batch, heads, length, head size).");
  TORCH_CHECK(key.sizes() == value.sizes() && query.size(0) == key.size(0) && query.size(3) == key.size(3), op, ": query, key and value of "
              "shapes ", query.sizes(), ", ", key.sizes(), " and ", value.sizes(), " do not fit. Pass one batch size and head size, and key "
              "and value of one shape.");
  TORCH_CHECK(query.numel() != 0 && key.numel() != 0, op, ": query of shape ", query.sizes(), " and key of shape ", key.sizes(),
              " must have elements. Use torch.nn.functional.scaled_dot_product_attention, which takes empty tensors.");
  TORCH_CHECK(query.size(1) % key.size(1) == 0, op, ": ", query.size(1), " heads of the query cannot share ", key.size(1),
              " heads of key and value. Pass a multiple.");
}

void check_like(const char* name, const Tensor& t, at::IntArrayRef sizes, at::ScalarType type) {
  TORCH_CHECK(t.defined() && t.sizes() == sizes && t.scalar_type() == type, kBackward, ": ", name, " is not of shape ", sizes, " and dtype ",
              type, ". Pass what the forward op returned.");
}

/// The kernel walks a head without a stride.
Tensor with_dense_heads(const Tensor& t) { return t.stride(-1) == 1 || t.size(-1) == 1 ? t : t.contiguous(); }

std::tuple<Tensor, Tensor> attention(const Tensor& query, const Tensor& key, const Tensor& value, double dropout, bool causal,
                                     const std::optional<Tensor>& mask, std::optional<double> scale) {
  check_sizes(kForward, query, key, value);
  return call_library<at::_ops::_scaled_dot_product_flash_attention_for_cpu>(with_dense_heads(query), with_dense_heads(key),
                                                                             with_dense_heads(value), dropout, causal, mask, scale);
}

std::tuple<Tensor, Tensor, Tensor> attention_backward(const Tensor& grad, const Tensor& query, const Tensor& key,
                                                      const Tensor& value, const Tensor& out, const Tensor& logsumexp,
                                                      double dropout, bool causal, const std::optional<Tensor>& mask,
                                                      std::optional<double> scale) {
  check_sizes(kBackward, query, key, value);
  check_like("grad_out", grad, query.sizes(), query.scalar_type());
  check_like("out", out, query.sizes(), query.scalar_type());
  check_like("logsumexp", logsumexp, query.sizes().slice(0, 3), at::toOpMathType(query.scalar_type()));
  return call_library<at::_ops::_scaled_dot_product_flash_attention_for_cpu_backward>(
      with_dense_heads(grad), with_dense_heads(query), with_dense_heads(key), with_dense_heads(value), with_dense_heads(out),
      logsumexp, dropout, causal, mask, scale);
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::_fused_sdp_choice, &choose>(m);
  register_kernel<at::_ops::_scaled_dot_product_flash_attention_for_cpu, &attention>(m);
  register_kernel<at::_ops::_scaled_dot_product_flash_attention_for_cpu_backward, &attention_backward>(m);
}

}  // namespace hologram::aten

namespace at::native {
REGISTER_PRIVATEUSE1_DISPATCH(_fused_sdp_choice_stub, &hologram::aten::choose)
}
