#include "torch/aten/core/probabilities.h"

#include <ATen/ops/flatten.h>
#include <ATen/ops/item.h>

#include <algorithm>
#include <utility>

#include "torch/aten/core/row_space.h"
#include "torch/aten/torch_kernels/graph_calls.h"

namespace hologram::aten {

Ref add_probability_check(Circuit& circuit, DType compute, c10::ArrayRef<Ref> values) {
  Ref good = kNoRef;
  for (Ref x : values)
    for (const auto& [op, bound] : {std::pair(Op::ge, 0.0), std::pair(Op::le, 1.0)}) {
      const Ref holds = circuit.add_node(op, compute, DType::Bool, {x, circuit.add_scalar(bound)});
      good = good == kNoRef ? holds : circuit.add_node(Op::logical_and, DType::Bool, DType::Bool, {good, holds});
    }
  return circuit.add_node(Op::all, DType::Bool, DType::Bool, {good});
}

bool are_probabilities(c10::ArrayRef<const at::Tensor*> tensors) {
  const at::Tensor& first = *tensors.front();
  if (C10_UNLIKELY(first.dim() > kMaxRowSpaceRank))
    return std::all_of(tensors.begin(), tensors.end(), [](const at::Tensor* t) {
      const at::Tensor flat = t->flatten();
      return are_probabilities(&flat);
    });
  const at::Tensor result = empty({}, at::kBool, first.device());
  RowSpace space(first.sizes(), DimMask().flip());
  c10::SmallVector<Ref, 2> values;
  c10::ScalarType type = first.scalar_type();
  for (const at::Tensor* t : tensors) {
    values.push_back(space.input(*t));
    type = c10::promoteTypes(type, t->scalar_type());
  }
  space.kept_output(result, add_probability_check(space.circuit(), compute_type(to_dtype(type)), values));
  space.submit(first);
  return passes(result, "all elements should be between 0 and 1");
}

}  // namespace hologram::aten
