// Captures what a function of tensors does on the default queue, and makes plans of it (step_plan.h).
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <string>

#include "runtime/graph/capture.h"

namespace hologram {

/// Begins to write down what the default queue does; `who` asks for it, for the message where that cannot be.
void begin_capture(std::optional<Capture>& capture, const char* who);
/// Ends it: the graph, or null and the `reason`.
std::unique_ptr<Graph> end_capture(std::optional<Capture>& capture, std::string& reason);

/// StepCapture, for torch.hologram.jit.
void bind_step_capture(pybind11::module_& m);

}  // namespace hologram
