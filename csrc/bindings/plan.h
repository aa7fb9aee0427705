// Captured runs of an executor's ops, for Python: hologram_core.Executor.capture.
#pragma once

#include <pybind11/pybind11.h>

namespace hologram::bindings {

void bind_plan(pybind11::module_& m);

}  // namespace hologram::bindings
