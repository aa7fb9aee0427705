// What nodes of autograd that are written here keep of a tensor.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/variable.h>

#include "torch/torch_version.h"

namespace hologram::aten {

// torch::autograd::Node is counted in another way since torch 2.13.
#if !HOLOGRAM_TORCH_AT_LEAST(2, 13)
using WeakNode = std::weak_ptr<torch::autograd::Node>;
template <class Node>
std::shared_ptr<Node> new_node() {
  return {new Node(), torch::autograd::deleteNode};
}
#else
using WeakNode = c10::weak_intrusive_ptr<torch::autograd::Node>;
template <class Node>
c10::intrusive_ptr<Node> new_node() {
  return c10::make_intrusive<Node>();
}
#endif

/// A tensor's memory, versions and place in the graph in a TensorImpl of its own: what is done to the other one is not seen here.
inline at::Tensor handle_of(const at::Tensor& t) {
  auto* impl = t.unsafeGetTensorImpl();
  const at::Tensor handle(impl->shallow_copy_and_detach(impl->version_counter(), /*allow_tensor_metadata_change=*/false));
  if (const auto& node = t.grad_fn()) {
    torch::autograd::impl::set_gradient_edge(handle, {node, static_cast<uint32_t>(t.output_nr())});
  } else {
    handle.requires_grad_(t.requires_grad());
    if (const auto accumulator = torch::autograd::impl::grad_accumulator(t))   // the node's edges keep it
      torch::autograd::impl::set_grad_accumulator(handle, WeakNode(accumulator));
  }
  return handle;
}

}  // namespace hologram::aten
