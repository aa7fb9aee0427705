// Scaled dot product attention: torch's flash attention for the CPU, on aliases of the device's memory.
//
// torch asks the device which implementation suits the arguments. The CPU's own answer decides: where it would run flash
// attention we do, everywhere else the composite formula runs on our kernels.
#include <ATen/Context.h>
#include <ATen/SDPBackend.h>
#include <ATen/core/Tensor.h>
#include <ATen/native/transformers/attention.h>
#include <ATen/ops/_fused_sdp_choice_ops.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward_ops.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_ops.h>
#include <torch/library.h>

#include <array>
#include <tuple>

#include "torch/aten/common.h"
#include "torch/aten/direct.h"

namespace hologram::aten {
namespace {

using at::Tensor;

int64_t choose(const Tensor& query, const Tensor& key, const Tensor& value, const std::optional<Tensor>& mask,
               double dropout, bool causal, std::optional<double> scale, bool enable_gqa) {
  constexpr auto math = static_cast<int64_t>(at::SDPBackend::math);
  if (!is_hologram(query) || key.device() != query.device() || value.device() != query.device()) return math;
  if (!host_serves(query) || !host_serves(key) || !host_serves(value)) return math;   // the kernel is the CPU's
  if (mask && mask->defined() && (mask->requires_grad() || mask->device() != query.device())) return math;
  // The CPU's kernel looks at sizes, types and the user's switches only: no aliases needed.
  const int64_t choice = at::_ops::_fused_sdp_choice::redispatch(c10::DispatchKeySet(c10::DispatchKey::CPU), query, key, value,
                                                                 mask, dropout, causal, scale, enable_gqa);
  return choice == static_cast<int64_t>(at::SDPBackend::flash_attention)
             ? static_cast<int64_t>(at::SDPBackend::overrideable) : choice;
}

using Forward = std::tuple<Tensor, Tensor, Tensor, Tensor, c10::SymInt, c10::SymInt, Tensor, Tensor, Tensor>;

Forward attention(const Tensor& query, const Tensor& key, const Tensor& value, const std::optional<Tensor>& bias,
                  double dropout, bool causal, bool /*return_debug_mask*/, std::optional<double> scale) {
  auto [out, logsumexp] = library_op<at::_ops::_scaled_dot_product_flash_attention_for_cpu>(query, key, value, dropout,
                                                                                            causal, bias, scale);
  return {out, logsumexp, Tensor(), Tensor(), query.sym_size(2), key.sym_size(2), Tensor(), Tensor(), Tensor()};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> attention_backward(
    const Tensor& grad, const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& bias,
    std::array<bool, 4> grad_input_mask, const Tensor& out, const Tensor& logsumexp, const Tensor& /*cum_seq_q*/,
    const Tensor& /*cum_seq_k*/, c10::SymInt /*max_q*/, c10::SymInt /*max_k*/, double dropout, bool causal,
    const Tensor& /*philox_seed*/, const Tensor& /*philox_offset*/, std::optional<double> scale) {
  TORCH_CHECK_NOT_IMPLEMENTED(!grad_input_mask[3], "hologram._scaled_dot_product_fused_attention_overrideable_backward: the "
                              "fused kernel has no gradient for attn_bias. Use the math backend: "
                              "torch.nn.attention.sdpa_kernel(SDPBackend.MATH).");
  auto [grad_query, grad_key, grad_value] = library_op<at::_ops::_scaled_dot_product_flash_attention_for_cpu_backward>(
      grad, query, key, value, out, logsumexp, dropout, causal,
      bias.defined() ? std::optional<Tensor>(bias) : std::nullopt, scale);
  return {grad_query, grad_key, grad_value, Tensor()};
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("_fused_sdp_choice", &choose);
  m.impl("_scaled_dot_product_fused_attention_overrideable", &attention);
  m.impl("_scaled_dot_product_fused_attention_overrideable_backward", &attention_backward);
}

}  // namespace hologram::aten

namespace at::native {
REGISTER_PRIVATEUSE1_DISPATCH(_fused_sdp_choice_stub, &hologram::aten::choose)
}
