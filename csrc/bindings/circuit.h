// Circuits built by hand from Python.
#pragma once

#include <pybind11/pybind11.h>

namespace hologram::bindings {

void bind_circuit(pybind11::module_& m);

}  // namespace hologram::bindings
