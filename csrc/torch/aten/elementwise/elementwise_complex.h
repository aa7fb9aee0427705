// Complex numbers, as pairs of real ones.
#pragma once

#include "torch/aten/elementwise/elementwise.h"

namespace hologram::aten {

/// False: not with this row.
bool run_complex(const Call& call);

}  // namespace hologram::aten
