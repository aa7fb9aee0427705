// Autograd of aten::linear. The device serves linear as one op (linalg.cpp), so torch's formula for it applies, and that one
// knows neither forward mode nor the second derivative of complex numbers: there linear is the composite it is on the CPU. Else
// this is what torch generates.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/linear_native.h>
#include <ATen/ops/linear_ops.h>
#include <torch/csrc/autograd/FunctionsManual.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/generated/Functions.h>
#include <torch/library.h>
#include <torch/version.h>

namespace hologram::aten {
namespace {

using at::Tensor;
using torch::autograd::SavedVariable;
using torch::autograd::generated::LinearBackward0;
using torch::autograd::isFwGradDefined;

#if TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR < 13
std::shared_ptr<LinearBackward0> new_node() { return {new LinearBackward0(), torch::autograd::deleteNode}; }
#else
c10::intrusive_ptr<LinearBackward0> new_node() { return c10::make_intrusive<LinearBackward0>(); }
#endif

Tensor linear(c10::DispatchKeySet keys, const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias) {
  if (C10_UNLIKELY(isFwGradDefined(input) || isFwGradDefined(weight) || isFwGradDefined(bias) || input.is_complex()))
    return at::native::linear(input, weight, bias);
  decltype(new_node()) node;
  if (torch::autograd::compute_requires_grad(input, weight, bias)) {
    node = new_node();
    node->set_next_edges(torch::autograd::collect_next_edges(input, weight, bias));
    node->input_ = SavedVariable(input, /*is_output=*/false);
    node->weight_ = SavedVariable(weight, /*is_output=*/false);
  }
  Tensor result;
  {
    at::AutoDispatchBelowADInplaceOrView below;
    result = at::_ops::linear::redispatch(keys & c10::after_autograd_keyset, input, weight, bias);
  }
  if (node) torch::autograd::set_history(result, node);
  return result;
}

TORCH_LIBRARY_IMPL(aten, AutogradPrivateUse1, m) { m.impl("linear", TORCH_FN(linear)); }

}  // namespace
}  // namespace hologram::aten
