// Calls that need no thought: tensors of one geometry, one dtype and one device.
#pragma once

#include "torch/aten/elementwise/elementwise.h"

namespace hologram::aten {

/// Straight to the kernel. False when the call is not of that kind.
bool run_fast(const Call& call);

}  // namespace hologram::aten
