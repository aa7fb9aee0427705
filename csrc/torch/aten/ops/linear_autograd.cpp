// Autograd of aten::linear. The device serves linear as one op (linalg.cpp), so torch's formula for it applies, and that one
// knows neither forward mode nor the second derivative of complex numbers: there linear is the composite it is on the CPU. It is
// that, too, where a mode or a tensor subclass looks on, which know what the composite is made of: tracers, DTensor, torch.func. Else
// this is what torch generates, but for what the node keeps: as on the CPU, where addmm does, it holds on to the input only where
// the weight's gradient is asked for, and to the weight only where the input's is, each through a handle of its own (there: a view;
// only an input of two dimensions is none). Frozen layers keep no activations, and a weight may get other memory (swap_tensors, .data,
// Module.to) while a graph lives.
#include <ATen/TensorSubclassLikeUtils.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/linear_backward_ops.h>
#include <ATen/ops/linear_native.h>
#include <ATen/ops/linear_ops.h>
#include <torch/csrc/autograd/FunctionsManual.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/generated/Functions.h>
#include <torch/library.h>

#include <array>
#include <tuple>

#include "torch/aten/core/common.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/saved_handle.h"

namespace hologram::aten {
namespace {

using at::Tensor;
using torch::autograd::SavedVariable;
using torch::autograd::generated::LinearBackward0;
using torch::autograd::isFwGradDefined;

/// The CPU multiplies a view of the input, but for one of two dimensions.
Tensor kept_input(const Tensor& input) { return input.dim() == 2 || input.is_inference() ? input : handle_of(input); }

// The formula wants both tensors to be defined. What it will not read needs no memory of its own.

/// Of the weight, whose size it asks for.
Tensor unread_weight(const Tensor& weight) { return weight.variable_data(); }
/// Of the input, whose sizes the gradient gets.
Tensor unread_input(const Tensor& input) {
  if (!is_hologram(input)) return input;
  at::Tensor sizes_only = empty({1}, input.scalar_type(), input.device());
  const c10::SmallVector<int64_t, 6> strides(static_cast<size_t>(input.dim()), 0);
  sizes_only.unsafeGetTensorImpl()->set_sizes_and_strides(input.sizes(), strides);
  return sizes_only;
}

/// Is it more than memory and sizes, or is each call shown to a mode?
bool is_looked_at(const Tensor& t) { return at::isTensorSubclassLike(t); }
bool is_looked_at(const std::optional<Tensor>& t) { return t && t->defined() && is_looked_at(*t); }

Tensor linear(c10::DispatchKeySet keys, const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias) {
  if (C10_UNLIKELY(isFwGradDefined(input) || isFwGradDefined(weight) || isFwGradDefined(bias) || input.is_complex() ||
                   is_looked_at(input) || is_looked_at(weight) || is_looked_at(bias)))
    return at::native::linear(input, weight, bias);
  decltype(new_node<LinearBackward0>()) node;
  if (torch::autograd::compute_requires_grad(input, weight, bias)) {
    node = new_node<LinearBackward0>();
    node->set_next_edges(torch::autograd::collect_next_edges(input, weight, bias));
    const bool of_input = torch::autograd::compute_requires_grad(input), of_weight = torch::autograd::compute_requires_grad(weight);
    node->input_ = SavedVariable(of_weight ? kept_input(input) : unread_input(input), /*is_output=*/false);
    node->weight_ = SavedVariable(of_input ? handle_of(weight) : unread_weight(weight), /*is_output=*/false);
  }
  Tensor result;
  {
    at::AutoDispatchBelowADInplaceOrView below;
    result = at::_ops::linear::redispatch(keys & c10::after_autograd_keyset, input, weight, bias);
  }
  if (node) torch::autograd::set_history(result, node);
  return result;
}

/// To be differentiated itself it is what it is on the CPU: torch's formula for it would keep all three tensors, where the products
/// of the CPU keep what is asked for.
std::tuple<Tensor, Tensor, Tensor> linear_backward(c10::DispatchKeySet keys, const Tensor& input, const Tensor& grad,
                                                   const Tensor& weight, std::array<bool, 3> wanted) {
  if (!is_looked_at(input) && !is_looked_at(grad) && !is_looked_at(weight) &&
      !torch::autograd::compute_requires_grad(input, grad, weight)) {
    at::AutoDispatchBelowADInplaceOrView below;
    return at::_ops::linear_backward::redispatch(keys & c10::after_autograd_keyset, input, grad, weight, wanted);
  }
  const auto rows_of = [](const Tensor& t) { return t.dim() == 1 ? t.unsqueeze(0) : t.flatten(0, -2); };
  const Tensor rows = rows_of(grad);
  return {wanted[0] ? rows.mm(weight.conj()).view_as(input) : Tensor(),
          wanted[1] ? rows.t().mm(rows_of(input).conj()) : Tensor(), wanted[2] ? rows.sum(0) : Tensor()};
}

TORCH_LIBRARY_IMPL(aten, AutogradPrivateUse1, m) {
  register_kernel<at::_ops::linear, &linear>(m);
  register_kernel<at::_ops::linear_backward, &linear_backward>(m);
}

}  // namespace
}  // namespace hologram::aten
