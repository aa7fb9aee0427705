// What torch.compile calls: a region by its plans, and a region with its backward pass as one differentiable function.
#pragma once

#include <pybind11/pybind11.h>

namespace hologram {

void bind_region_tables(pybind11::module_& m);

}  // namespace hologram
