#pragma once

#include <pybind11/pybind11.h>

namespace hologram::bindings {

/// Installs Python's compiler in the runtime, and the functions with which Python chooses another one.
void bind_compiler(pybind11::module_& m);

}  // namespace hologram::bindings
