// What graphs show to Python, and how their runs take turns.
#pragma once

#include <pybind11/pybind11.h>

#include <mutex>

#include "runtime/graph/graph.h"

namespace hologram::bindings {

namespace py = pybind11;

/// What a graph is made of, for hologram_core/plan_text.py: [(name, launches, [(memory, kind, offset, bytes of the memory, written)], once)]
inline py::list program_of(const Graph& graph) {
  static constexpr const char* kKinds[] = {"kept", "given", "temporary"};
  py::list program;
  for (const Graph::NodeFacts& node : graph.describe()) {
    py::list uses;
    for (const auto& use : node.uses)
      uses.append(py::make_tuple(use.memory, kKinds[static_cast<int>(use.kind)], use.offset, use.bytes, use.written));
    program.append(py::make_tuple(node.name, node.launches, uses, node.constant));
  }
  return program;
}

/// A graph runs once at a time; who waits for it leaves the interpreter to others.
template <class Mutex>
std::unique_lock<Mutex> alone_with(Mutex& running) {
  std::unique_lock<Mutex> alone(running, std::try_to_lock);
  if (!alone) {
    const py::gil_scoped_release others_go_on;
    alone.lock();
  }
  return alone;
}

}  // namespace hologram::bindings
