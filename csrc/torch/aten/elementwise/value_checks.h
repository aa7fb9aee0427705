// What some ops demand of the values they are given, said at the call. A kernel cannot raise: the values are looked at.
#pragma once

#include "torch/aten/elementwise/elementwise.h"

namespace hologram::aten {

/// Raises ZeroDivisionError, as torch's kernels do, when a divisor that the call is about to use is an integer 0. `common`: the dtype
/// the call divides in.
void check_divisor(const Call& call, c10::ScalarType common);
/// Raises what torch's kernel raises when an input or target of a call, which has elements and was just recorded, is no probability.
void check_probabilities(const Call& call);

}  // namespace hologram::aten
