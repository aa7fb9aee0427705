// torch.distributed for tensors of the device.
#pragma once

#include <ATen/core/ivalue.h>
#include <pybind11/pybind11.h>

namespace hologram {

/// Where the argument of a collective is a process group that has no backend for the device, it gets one over its own for the CPU. So
/// groups of programs that send no tensor of the device stay what they are.
void serve_process_group(const c10::IValue& argument);

void bind_distributed(pybind11::module_& m);

}  // namespace hologram
