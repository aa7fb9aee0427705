// The backends for Python.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace hologram {
class Queue;
}

namespace hologram::bindings {

/// The first queue of a backend. Throws Error for an unknown name, and for an absent backend, with the reason.
Queue& backend_named(const std::string& name);
void bind_backends(pybind11::module_& m);

}  // namespace hologram::bindings
