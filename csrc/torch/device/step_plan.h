// A function of tensors as a graph that runs again: torch.hologram.jit (hologram_torch/graphs.py decides when).
#pragma once

#include <pybind11/pybind11.h>

namespace hologram {

void bind_step_plans(pybind11::module_& m);

}  // namespace hologram
