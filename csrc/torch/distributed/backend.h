// torch.distributed for tensors of the device: hologram_torch/distributed.py gives it to process groups.
#pragma once

#include <pybind11/pybind11.h>

namespace hologram {

void bind_distributed(pybind11::module_& m);

}  // namespace hologram
