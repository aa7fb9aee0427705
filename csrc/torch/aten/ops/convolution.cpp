// Convolutions: torch asks a device for them under names of their own, because the choice of the algorithm is the device's.
// Ours is torch's choice for the CPU (oneDNN where it can), on aliases of the device's memory.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/convolution_backward_overrideable_ops.h>
#include <ATen/ops/convolution_overrideable_ops.h>
#include <torch/library.h>

#include <array>
#include <tuple>

#include "torch/aten/core/common.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/torch_kernels/fallback.h"
#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/aten/torch_kernels/native.h"

namespace hologram::aten {
namespace {

using at::IntArrayRef;
using at::Tensor;

void check_device(const Tensor& t, const Tensor& input, const char* op, const char* name) {
  TORCH_CHECK(!t.defined() || t.device() == input.device(), "Expected all tensors to be on the same device, but got ", name,
              " is on ", t.device(), ", different from other tensors on ", input.device(), " (when checking argument in ", op, ")");
}

Tensor convolution(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias, IntArrayRef stride,
                   IntArrayRef padding, IntArrayRef dilation, bool transposed, IntArrayRef output_padding, int64_t groups) {
  static OpStat& stat = op_stat<at::_ops::convolution_overrideable>();
  const Tensor b = bias.value_or(Tensor());
  check_device(weight, input, "convolution", "weight");
  check_device(b, input, "convolution", "bias");
  at::AutoDispatchBelowADInplaceOrView below;
  return on_native(native_type(home_queue(input)), [&](c10::DeviceType native) {
    CapturedCall captured;
    TensorAliases aliases(native);
    const Tensor native_input = aliases.read(input), native_weight = aliases.read(weight);
    std::optional<Tensor> native_bias;
    if (b.defined()) native_bias = aliases.read(b);
    const PoolScope pool(queue_of(input), native);
    const Tensor out = at::convolution(native_input, native_weight, native_bias, stride, padding, dilation, transposed, output_padding,
                                       groups);
    stat.library.fetch_add(1, std::memory_order_relaxed);
    aliases.report(stat);
    const Tensor result = aliases.result(out, input.device());
    if (capturing())
      captured.add(plan_of("aten::convolution", ""),
                   torch::jit::Stack{native_input, native_weight, native_bias, stride, padding, dilation, transposed,
                                     output_padding, groups},
                   result);
    return result;
  });
}

std::tuple<Tensor, Tensor, Tensor> convolution_backward(const Tensor& grad, const Tensor& input, const Tensor& weight,
                                                        IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                                                        bool transposed, IntArrayRef output_padding, int64_t groups,
                                                        std::array<bool, 3> output_mask) {
  static OpStat& stat = op_stat<at::_ops::convolution_backward_overrideable>();
  check_device(weight, input, "convolution_backward", "weight");
  check_device(grad, input, "convolution_backward", "grad_output");
  at::AutoDispatchBelowADInplaceOrView below;
  return on_native(native_type(home_queue(input)), [&](c10::DeviceType native) {
    CapturedCall captured;
    TensorAliases aliases(native);
    const Tensor native_grad = aliases.read(grad), native_input = aliases.read(input), native_weight = aliases.read(weight);
    const int64_t bias_size = grad.size(1);
    const PoolScope pool(queue_of(input), native);
    auto [grad_input, grad_weight, grad_bias] =
        at::convolution_backward(native_grad, native_input, native_weight, IntArrayRef(bias_size), stride, padding, dilation, transposed,
                                 output_padding, groups, output_mask);
    stat.library.fetch_add(1, std::memory_order_relaxed);
    aliases.report(stat);
    const std::tuple results(aliases.result(grad_input, input.device()), aliases.result(grad_weight, input.device()),
                             aliases.result(grad_bias, input.device()));
    if (capturing())
      captured.add(plan_of("aten::convolution_backward", ""),
                   torch::jit::Stack{native_grad, native_input, native_weight, at::OptionalIntArrayRef(IntArrayRef(bias_size)),
                                     stride, padding, dilation, transposed, output_padding, groups,
                                     c10::List<bool>({output_mask[0], output_mask[1], output_mask[2]})},
                   {std::get<0>(results), std::get<1>(results), std::get<2>(results)});
    return results;
  });
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::convolution_overrideable, &convolution>(m);
  register_kernel<at::_ops::convolution_backward_overrideable, &convolution_backward>(m);
}

}  // namespace hologram::aten
