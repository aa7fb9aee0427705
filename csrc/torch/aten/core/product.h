// New results of kernels that fold into one what the CPU composes of elementwise ops: laid out as those lay theirs out.
#pragma once

#include <ATen/TensorIterator.h>

#include "torch/aten/core/common.h"

namespace hologram::aten {

/// A tensor with the geometry of `a * b`, of `a`'s type.
inline at::Tensor empty_product(const at::Tensor& a, const at::Tensor& b) {
  const PointersInside inside;   // the iterator asks for addresses
  return at::TensorIteratorConfig().check_all_same_dtype(false).add_owned_output(at::Tensor()).declare_static_dtype(a.scalar_type())
      .add_const_input(a).add_const_input(b).build().output();
}

}  // namespace hologram::aten
