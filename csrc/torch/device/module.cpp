// hologram_torch._C: what Python needs beyond torch's own accelerator interface.

#include <ATen/core/CachingHostAllocator.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <torch/csrc/DynamicTypes.h>
#include <torch/csrc/Generator.h>
#include <torch/csrc/autograd/python_variable.h>

#include "runtime/device/queue.h"
#include "torch/aten/core/common.h"
#include "torch/aten/torch_kernels/fallback.h"
#include "torch/aten/torch_kernels/library.h"
#include "torch/device/accelerator_graph.h"
#include "torch/device/autograd.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/generator.h"
#include "torch/device/metadata.h"
#include "torch/device/readers.h"
#include "torch/device/region_plan.h"
#include "torch/device/region_table.h"
#include "torch/device/sharing.h"
#include "torch/device/step_capture.h"
#include "torch/device/step_plan.h"
#include "torch/device/storage.h"
#include "torch/device/threads.h"
#include "torch/device/use.h"
#include "torch/distributed/backend.h"

namespace py = pybind11;

namespace hologram {
namespace {

// pybind11 would report every c10 error as a RuntimeError.
template <class F>
auto translated(F f) {
  try {
    return f();
  } catch (const c10::ValueError& error) {
    throw py::value_error(error.what_without_backtrace());
  } catch (const c10::NotImplementedError& error) {
    PyErr_SetString(PyExc_NotImplementedError, error.what_without_backtrace());
    throw py::error_already_set();
  } catch (const c10::Error& error) {
    throw std::runtime_error(error.what_without_backtrace());
  }
}

/// {name, total bytes, multiprocessors, compute capability} of a device; the name is empty on the CPU.
py::tuple device_properties(int index) {
  const DeviceProperties p = with_c10_errors([&] {
    return current_queue(checked_device_index(static_cast<c10::DeviceIndex>(index))).properties();
  });
  return py::make_tuple(p.name, p.total_bytes, p.multiprocessors, p.capability);
}

py::dict op_report() {
  py::dict out;
  aten::for_each_op_stat([&](aten::OpStat& stat) {
    const uint64_t compiled = stat.compiled, library = stat.library, fallback = stat.fallback;
    if (compiled + library + fallback == 0) return;
    py::dict row;
    row["compiled"] = compiled;
    row["library"] = library;
    row["delegated"] = fallback;
    if (const uint64_t copies = stat.host_copies) row["host_copies"] = copies;
    out[stat.name] = row;
  });
  return out;
}

/// {"allocated_bytes.current": ...}: torch's names of the counters of pinned host memory.
py::dict host_memory_stats() {
  const at::HostStats stats = at::getHostAllocator(kDeviceType)->get_stats();
  py::dict out;
  const auto add = [&](const std::string& name, const auto& stat) {
    out[py::str(name + ".current")] = stat.current;
    out[py::str(name + ".peak")] = stat.peak;
    out[py::str(name + ".allocated")] = stat.allocated;
    out[py::str(name + ".freed")] = stat.freed;
  };
  add("allocations", stats.allocations);
  add("allocated_bytes", stats.allocated_bytes);
  add("active_requests", stats.active_requests);
  add("active_bytes", stats.active_bytes);
  return out;
}

void reset_op_report() {
  aten::for_each_op_stat([](aten::OpStat& stat) { stat.compiled = stat.library = stat.fallback = stat.host_copies = 0; });
}

}  // namespace
}  // namespace hologram

PYBIND11_MODULE(_C, m) {
  using namespace hologram;
  m.doc() = "The hologram device: registrations with torch happen when this module is loaded.";
  install_parallel_hook();
  aten::register_library();
  register_readers();
  register_metadata();

  bind_step_plans(m);
  bind_step_capture(m);
  bind_accelerator_graphs(m);
  bind_region_plans(m);
  bind_region_tables(m);
  bind_distributed(m);
  m.def("device_count", [] { return static_cast<int>(shown_device_count()); });
  m.def("current_device", [] { return static_cast<int>(current_device()); });
  m.def("set_device", [](int index) { translated([&] { set_current_device(static_cast<c10::DeviceIndex>(index)); }); });
  m.def("exchange_device", [](int index) {
    return translated([&] { return static_cast<int>(exchange_device(static_cast<c10::DeviceIndex>(index))); });
  });
  m.def("synchronize", [](int index) {
    py::gil_scoped_release release;
    translated([&] { synchronize_device(static_cast<c10::DeviceIndex>(index)); });
  });
  m.def("device_properties", [](int index) { return translated([&] { return device_properties(index); }); });
  m.def("backend_of", [](const py::object& tensor) {
    const at::Tensor& t = THPVariable_Unpack(tensor.ptr());
    TORCH_CHECK(aten::is_hologram(t), "hologram.backend_of: the tensor is on ", t.device(), ".");
    return std::string(t.has_storage() ? aten::home_queue(t).name() : default_queue().name());
  }, "The name of the backend a tensor lives on.");
  m.def("run_recorded", [](const py::object& tensor) { translated([&] { run_recorded(THPVariable_Unpack(tensor.ptr())); }); },
        "Runs what is recorded on a tensor's memory, for a reader that torch does not announce.");
  m.def("hand_out", [](const py::object& tensor) { translated([&] { hand_out(THPVariable_Unpack(tensor.ptr())); }); },
        "The same, for a reader that keeps the address.");
  m.def("host_visible", [] { return default_queue().host_visible(); }, "Does the host see the memory of new tensors?");
  m.def("reads_host_memory", [] { return default_queue().reads_host_memory(); }, "Do kernels of the backend in use work on the host's memory?");
  m.def("records", &records_tensors,
        "Are ops on the device's tensors recorded? Not before torch 2.13, unless HOLOGRAM_FUSION=force.");
  m.def("host_memory_stats", &host_memory_stats);
  m.def(
      "reset_host_memory_stats",
      [](bool peak) {
        at::HostAllocator* allocator = at::getHostAllocator(kDeviceType);
        peak ? allocator->reset_peak_stats() : allocator->reset_accumulated_stats();
      },
      py::arg("peak"), "Sets the peaks of host_memory_stats to what is held now, or its sums to 0.");
  m.def("lost_by_fork", [] { return translated([&] { return lost_by_fork(); }); });
  m.def("default_generator", [](int index) {
    return translated([&] {
      return py::reinterpret_steal<py::object>(
          THPGenerator_initDefaultGenerator(default_generator(static_cast<c10::DeviceIndex>(index))));
    });
  });

  m.def("get_backend", [] { return std::string(default_queue().name()); });
  m.def("set_backend", [](const std::string& name) { translated([&] { set_current_backend(name); }); });

  m.def("prefer_backend", [](const std::string& name) { translated([&] { prefer_backend(name); }); });

  m.def("host_storage_of", [](py::object storage) {
    const c10::Storage host = host_storage_of(torch::createStorage(storage.ptr()));
    return host ? py::reinterpret_steal<py::object>(torch::createPyObject(host)) : py::object(py::none());
  });
  m.def("move_into", [](py::object storage, py::object host) {
    translated([&] { move_into(torch::createStorage(storage.ptr()), torch::createStorage(host.ptr())); });
  });
  m.def("storage_over", [](py::object host, int device) {
    return translated([&] {
      return py::reinterpret_steal<py::object>(torch::createPyObject(
          storage_over(torch::createStorage(host.ptr()), static_cast<c10::DeviceIndex>(device))));
    });
  });

  m.def("use", [] { translated([] { hologram::use(); }); }, "Says that the program uses the device. Raises if something stands in the way.");
  m.def("in_use", &in_use, "Has the program used the device?");
  m.def("refuse_use", &refuse_use, "The first use of the device will raise ValueError with this text.");
  m.def("without_device_threads", &without_device_threads, "Has autograd no threads for the device?");
  m.def("decline_device_threads", [] {
    translated([] {
      py::gil_scoped_release release;     // where other devices have threads, those start here, and each takes the GIL
      decline_device_threads();
    });
  }, "To be called before a backward pass.");
  m.def("drain_device_threads", &drain_device_threads, py::call_guard<py::gil_scoped_release>());
  m.def("op_report", &op_report);
  m.def("fallback_mode", [] { return std::string(aten::fallback_mode_name(aten::fallback_mode())); });
  m.def("set_fallback_mode", [](const std::string& name) {
    translated([&] { aten::set_fallback_mode(aten::parse_fallback_mode(name)); });
  });
  m.def("reset_op_report", &reset_op_report);
}
