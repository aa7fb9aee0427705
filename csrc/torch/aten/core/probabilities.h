// Probabilities lie between 0 and 1, and NaN does not: what some ops demand of the numbers they are given. A kernel cannot raise:
// the numbers are looked at before the call returns.
#pragma once

#include "torch/aten/core/common.h"

namespace hologram::aten {

/// Adds what says, in one bool for the row, whether all elements of `values` are probabilities. `compute`: the type they are
/// compared in.
Ref add_probability_check(Circuit& circuit, DType compute, c10::ArrayRef<Ref> values);

/// One kernel, which joins what is recorded on the tensors, and runs now. All are floats of one size, on the device.
bool are_probabilities(c10::ArrayRef<const at::Tensor*> tensors);

}  // namespace hologram::aten
