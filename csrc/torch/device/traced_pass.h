// Nodes of ours in a backward pass that torch._dynamo.compiled_autograd traces: each stays one call, which the traced pass makes.
//
// Torch asks a node twice: for what tells its calls from others' (compiled_args; a pass that was traced serves all nodes that say the
// same), and for its part of the traced pass (apply_with_saved), where tensors stand for those of later calls. So a call keeps nothing of
// the node that it was traced with but what compiled_args has named, and gets its tensors each time.
#pragma once

#include <ATen/core/jit_type.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/dynamo/compiled_autograd.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace hologram {

/// (gradients, tensors that were saved) -> gradients
using NodeCall =
    std::function<torch::autograd::variable_list(const torch::autograd::variable_list&, const torch::autograd::variable_list&)>;

/// To be returned by apply_with_saved. `tensors` are those that were saved, in an order of the node's; some may be undefined, the same
/// ones wherever compiled_args says the same.
inline torch::autograd::variable_list call_in_traced_pass(torch::autograd::Node& node,
                                                          const torch::autograd::variable_list& gradients,
                                                          torch::dynamo::autograd::SwapSavedVariables& saved,
                                                          const torch::autograd::variable_list& tensors, NodeCall call) {
  using namespace torch::dynamo::autograd;
  std::vector<c10::IValue> packed;
  std::vector<at::TypePtr> types;
  std::vector<bool> is_there;
  for (const at::Tensor& t : tensors) {
    is_there.push_back(t.defined());
    if (!t.defined()) continue;
    packed.emplace_back(t);
    types.emplace_back(at::TensorType::get());
  }
  auto function = [call = std::move(call), is_there = std::move(is_there)](const torch::autograd::variable_list& given,
                                                                           const std::vector<c10::IValue>& args) {
    torch::autograd::variable_list tensors;
    size_t next = 0;
    for (const bool there : is_there) tensors.push_back(there ? args[next++].toTensor() : at::Tensor());
    return call(given, tensors);
  };
  const auto outputs = IValuePacker<std::vector<std::optional<InputMetadata>>>::pack(get_input_metadata(node.next_edges()));
  const auto& compiler = getPyCompilerInterface();
  const std::string name = compiler->bind_function(saved.get_py_compiler(), node.name(), std::move(function), types,
                                                   /*is_custom_function=*/true, /*is_traceable=*/false);
  return compiler->call_function(saved.get_py_compiler(), "apply_functional", name, gradients, packed, outputs);
}

}  // namespace hologram
