// The fold of a long row as two launches: partial results of its chunks, and their combination.
#pragma once

#include "runtime/plan/plan.h"

namespace hologram {

/// Plans it, in chunks of `space.chunk`.
void plan_split(const IterationSpace& space, Plan& plan);

}  // namespace hologram
