#include "bindings/backends.h"

#include <pybind11/stl.h>

#include "bindings/executor.h"
#include "runtime/backends/registry.h"
#include "runtime/base/error.h"
#include "runtime/device/queue.h"
#include "runtime/trace/stream.h"

namespace py = pybind11;

namespace hologram::bindings {

Queue& backend_named(const std::string& name) {
  const BackendInfo* const info = find_backend(name);
  if (!info) fail(Error::Kind::Value, "hologram.backend: unknown backend '", name, "'. Known are ", backend_names(), ".");
  if (Queue* queue = open_backend(*info)) return *queue;
  fail(Error::Kind::Runtime, "hologram.backend: '", name, "' is not available: ", info->reason(), ".");
}

void bind_backends(py::module_& m) {
  const auto never = py::return_value_policy::reference;   // they live as long as the process
  py::class_<BackendInfo, std::unique_ptr<BackendInfo, py::nodelete>> info(m, "BackendInfo", "What is known of a backend.");
  harden<BackendInfo>(info, "hologram.BackendInfo: it was never initialised. See backends().");
  info.def_property_readonly("name", [](const BackendInfo& b) { return b.name; })
      .def_property_readonly("display_name", [](const BackendInfo& b) { return b.display_name; })
      .def_property_readonly("host_visible", [](const BackendInfo& b) { return b.host_visible; }, "Does the host see its memory?")
      .def_property_readonly("reads_host_memory", [](const BackendInfo& b) { return b.reads_host_memory; },
                             "Do kernels work on all of the host's memory? Buffers are then views of arrays, and the other way round.")
      .def_property_readonly("has_float64", [](const BackendInfo& b) { return b.has_float64; })
      .def_property_readonly("available", [](const BackendInfo& b) { return b.reason().empty(); })
      .def_property_readonly("reason", [](const BackendInfo& b) { return b.reason(); }, "Why there is no device; empty where there is one.")
      .def("__repr__", [](const BackendInfo& b) { return "BackendInfo('" + std::string(b.name) + "')"; });
  m.def("backends", &backends, never, "All backends; each is better than those before it.");
  m.def("device_count", [](const std::string& name) { return backend_named(name).device_count(); }, py::arg("backend") = "cpu");
  m.def("flush", [] {
    py::gil_scoped_release release;
    for (Queue* first : opened_backends())
      each_queue(*first, [](Queue& queue) { queue.stream().flush(Reason::Synchronize); });
  }, "Runs what is recorded on devices; throws what failed.");
}

}  // namespace hologram::bindings
