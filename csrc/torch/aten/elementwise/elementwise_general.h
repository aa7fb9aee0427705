// The general path, and what the complex one shares with it: the operands of a call, its common dtype, and torch's TensorIterator over
// them.
#pragma once

#include <ATen/TensorIterator.h>

#include <vector>

#include "torch/aten/elementwise/elementwise.h"

namespace hologram::aten {

/// Everything else torch allows: broadcasting, promotion, resizing, any strides. False: not with this row. When no row serves a call,
/// torch's own kernel computes it or says what is wrong.
bool run_general(const Call& call);

namespace general {

struct Values {
  c10::ScalarType common = c10::ScalarType::Undefined;
  int ntensors = 0;
  bool points = false;                       // to torch some number is an operand
  int operand_of[kMaxArgs];                  // tensor operand number of an argument that is no number
  const at::Tensor* tensors[kMaxArgs];
  bool is_number[kMaxArgs];
  Scalar numbers[kMaxArgs];
};

/// Sorts out the tensor operands. False: torch's own kernel decides.
bool gather_tensors(const Call& call, Values& values, bool (*is_type)(c10::ScalarType));

/// The dtype the kernel computes in, by torch's rules; a row without values computes in the dtype of what it writes, or
/// else of the first tensor it reads.
c10::ScalarType common_type(const Call& call, const Values& values);

/// Does a call that torch lets write to overlapping elements do so? Kernels do not: torch's own serves these.
bool writes_a_place_twice(const Call& call);

/// The sizes of all tensors together; there must be one.
std::vector<int64_t> broadcast_sizes(const Values& values);

/// Where a result goes that is made before torch's TensorIterator refuses tensors of several devices.
c10::Device device_of(const Values& values);

/// `result`: dtype of a functional overload's first result.
at::TensorIterator iterate(const Call& call, const Values& values, c10::ScalarType result);

}  // namespace general
}  // namespace hologram::aten
