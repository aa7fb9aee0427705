// A traced region of a program (torch.compile) as a graph that runs again: hologram_torch/compile/region.py decides when.
//
// A region says all that it uses: its arguments are a flat list of tensors and numbers, parameters among them, and its results are a
// flat list of new tensors, of views of arguments, and of values. It reads nothing around it, and autograd does not see what it does.
#pragma once

#include <pybind11/pybind11.h>

namespace hologram {

void bind_region_plans(pybind11::module_& m);

}  // namespace hologram
