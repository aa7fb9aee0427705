#include "torch/device/step_capture.h"

#include <c10/core/Allocator.h>
#include <pybind11/stl.h>
#include <torch/csrc/autograd/python_variable.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "bindings/harden.h"
#include "torch/aten/core/common.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/step_plan.h"

namespace py = pybind11;

namespace hologram {
namespace {

using aten::is_hologram;

/// "file:line" of the innermost frame of Python's.
std::string location() {
  const py::gil_scoped_acquire gil;
  PyFrameObject* const frame = PyEval_GetFrame();
  if (!frame) return "";
  const auto code = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
  const std::string path = py::str(code.attr("co_filename"));
  return path.substr(path.rfind('/') + 1) + ":" + std::to_string(PyFrame_GetLineNumber(frame));
}

class StepCapture {
 public:
  /// `tensors`: the arguments that are others in each call; `numbers`: those of the CPU whose value is part of what is matched.
  StepCapture(const std::vector<py::object>& tensors, const std::vector<py::object>& numbers,
              const std::vector<py::object>& parameters) {
    begin_capture(capture_, "hologram.jit");
    capture_->locate = &location;
    capture_->reads_values = true;
    for (const py::object& o : tensors) {
      const at::Tensor& t = tensor_of(o);
      tensors_.push_back(t);
      if (!is_hologram(t)) {
        numbers_.push_back(capture_->give_host(t.storage().data(), t.storage().nbytes()));
      } else if (Block* block = aten::block_of(t)) {
        numbers_.push_back(capture_->give(*block));
      } else {
        if (t.numel()) capture_->refuse("an argument has no memory");
        numbers_.push_back(-1);
      }
    }
    for (const py::object& o : numbers) capture_->allow_constant(tensor_of(o).const_data_ptr());
    for (const py::object& o : parameters) entry_.push_back(tensor_of(o).grad());
    modes_.emplace(Modes::now());
  }

  void refuse(const std::string& reason) {
    if (capture_) capture_->refuse(reason);
  }
  void hash_nodes() {
    if (capture_) capture_->hashes_nodes = true;
  }
  py::list hashes() const {
    py::list all;
    if (capture_ && !capture_->refused())
      for (const Capture::NodeRun& run : capture_->hashes()) all.append(py::make_tuple(run.name, run.where, run.bits));
    return all;
  }
  /// Ends it, without a plan.
  void drop() { capture_.reset(); }

  /// The plan, or None with a `reason`. `states`: the tensors around the function; `guards`: (place, key, value); `buffers`: memory of
  /// the host that it reads, and that must hold what it holds.
  py::object finish(const py::tuple& args, const py::dict& kwargs, const py::object& results, const std::vector<py::object>& states,
                    const std::vector<py::object>& parameters,
                    const std::vector<std::tuple<py::object, py::object, py::object>>& guards,
                    const std::vector<py::object>& buffers);
  std::string reason() const { return reason_; }
  /// Did it copy memory of the host that is no argument?
  bool has_constants() const { return capture_ && capture_->has_constants(); }

 private:
  Structure structure(py::handle value, StepPlan& plan, bool of_results);
  Structure tensor(const at::Tensor& t, py::handle object);
  Structure argument(py::handle object, StepPlan& plan);
  StepPlan::Given given(int memory) const;
  Structure result(py::handle object, StepPlan& plan);
  int watch_state(const at::Tensor& t, StepPlan& plan);
  std::optional<int> watch_gradient(const at::Tensor& parameter, const at::Tensor& entry, StepPlan& plan);

  std::optional<Capture> capture_;
  std::optional<Modes> modes_;
  std::vector<at::Tensor> tensors_;   // the arguments
  std::vector<at::Tensor> entry_;     // the parameters' gradients at the beginning
  std::vector<int> numbers_;          // the arguments' in the graph
  std::string reason_;
};

bool is_number(const at::Tensor& t) { return t.is_cpu() && t.numel() <= 1; }

/// The tree of nested tuples, lists and dicts.
Structure StepCapture::structure(py::handle value, StepPlan& plan, bool of_results) {
  PyObject* const o = value.ptr();
  Structure s;
  const auto add = [&](PyObject* item) { s.items.push_back(structure(item, plan, of_results)); };
  if (THPVariable_Check(o)) return of_results ? result(value, plan) : argument(value, plan);
  if (PyTuple_Check(o)) {
    s.kind = PyTuple_CheckExact(o) ? Structure::Kind::Tuple : Structure::Kind::NamedTuple;
    s.value = py::type::of(value);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) add(PyTuple_GET_ITEM(o, i));
  } else if (PyList_CheckExact(o)) {
    s.kind = Structure::Kind::List;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i) add(PyList_GET_ITEM(o, i));
  } else if (PyDict_CheckExact(o)) {
    s.kind = Structure::Kind::Dict;
    PyObject *key, *item;
    for (Py_ssize_t at = 0; PyDict_Next(o, &at, &key, &item);) {
      s.keys.push_back(py::reinterpret_borrow<py::object>(key));
      add(item);
    }
  } else {
    s.value = py::reinterpret_borrow<py::object>(value);
  }
  return s;
}

Structure StepCapture::tensor(const at::Tensor& t, py::handle object) {
  Structure s;
  s.kind = Structure::Kind::Tensor;
  s.value = py::type::of(object);
  s.tensor = std::make_unique<Structure::Tensor>();
  s.tensor->geometry = Geometry(t);
  return s;
}

StepPlan::Given StepCapture::given(int memory) const { return {memory, memory >= 0 && capture_->is_written(memory)}; }

Structure StepCapture::argument(py::handle object, StepPlan& plan) {
  const at::Tensor& t = tensor_of(object);
  Structure s = tensor(t, object);
  if (is_number(t)) s.tensor->value.emplace(static_cast<const char*>(t.const_data_ptr()), t.nbytes());
  else plan.given.push_back(given(numbers_.at(plan.given.size())));
  return s;
}

Structure StepCapture::result(py::handle object, StepPlan& plan) {
  const at::Tensor& t = tensor_of(object);
  if (t.layout() != c10::kStrided || !t.has_storage() || t.is_nested() || t.is_quantized()) {
    capture_->refuse("a result is sparse, nested or quantized");
    return {};
  }
  Structure s = tensor(t, object);
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_[i].is_alias_of(t)) {
      s.tensor->argument = static_cast<int>(i);
      s.tensor->itself = tensors_[i].is_same(t);
      return s;
    }
  Block* const block =
      is_hologram(t) && t.has_storage() && t.layout() == c10::kStrided ? hologram::block_of(t.storage().data_ptr()) : nullptr;
  if (!block && is_hologram(t) && t.numel() == 0) return s;
  if (!block) {
    capture_->refuse("a result is no tensor of the device with memory of its own");
    return s;
  }
  if (t.is_conj() || t.is_neg()) capture_->refuse("a result is a lazy view");
  const int memory = capture_->result(*block);
  if (!capture_->made(memory)) {   // state of the program's: the same tensor each time
    Structure same;
    same.value = py::reinterpret_borrow<py::object>(object);
    return same;
  }
  size_t at = 0;
  while (at < plan.fresh.size() && plan.fresh[at].memory != memory) ++at;
  if (at == plan.fresh.size()) plan.fresh.push_back({memory, block->bytes});
  s.tensor->memory = static_cast<int>(at);
  return s;
}

}  // namespace

void begin_capture(std::optional<Capture>& capture, const char* who) {
  TORCH_CHECK(default_queue().reads_host_memory() && default_queue().has_one_queue(), who,
              ": graphs are captured on the cpu backend only. Use set_backend('cpu').");
  with_c10_errors([&] {
    default_queue().stream().flush(Reason::Library);
    capture.emplace(default_queue());
  });
}

std::unique_ptr<Graph> end_capture(std::optional<Capture>& capture, std::string& reason) {
  reason = capture->reason();
  std::unique_ptr<Graph> graph = reason.empty() ? capture->finish() : nullptr;
  capture.reset();
  if (graph) reason = graph->obstacle();
  return reason.empty() ? std::move(graph) : nullptr;
}

namespace {

Block* block_under(const at::Tensor& t) {
  return t.defined() && t.has_storage() ? hologram::block_of(t.storage().data_ptr()) : nullptr;
}

/// A tensor that the function finds around it. Its number in the graph; -1 where the graph does not use it.
int StepCapture::watch_state(const at::Tensor& t, StepPlan& plan) {
  if (t.is_cpu() && t.has_storage()) plan.host_states.push_back({t, t.storage().data(), static_cast<uint32_t>(t._version())});
  Block* const block = is_hologram(t) ? block_under(t) : nullptr;
  if (!block) return -1;
  const int memory = capture_->number_of(*block);
  if (memory >= 0 && capture_->is_given(memory)) capture_->refuse("an argument shares memory with a tensor that it uses");
  plan.states.push_back({t, t.storage().data(), Geometry(t), t.requires_grad(), memory >= 0 && capture_->is_written(memory)});
  return memory;
}

/// What happens to a parameter's gradient. The memory that the graph adds to, where it is not one of its own.
std::optional<int> StepCapture::watch_gradient(const at::Tensor& parameter, const at::Tensor& entry, StepPlan& plan) {
  StepPlan::Gradient g;
  g.parameter = parameter;
  const at::Tensor grad = parameter.grad();
  if (!entry.defined()) g.entry = StepPlan::Gradient::Entry::None;
  if (!grad.defined()) {
    if (entry.defined()) plan.gradients.push_back(g);
    return std::nullopt;
  }
  Block* const block = block_under(grad);
  if (!block) {
    capture_->refuse("a gradient has no memory on the device");
    return std::nullopt;
  }
  g.geometry = Geometry(grad);
  g.memory = capture_->number_of(*block);
  g.last = grad.unsafeGetTensorImpl();
  g.made = g.memory >= 0 && capture_->made(g.memory);
  g.kept = !g.made;
  if (g.made) {
    g.memory = capture_->result(*block);
    const auto shared = [&](const auto& other) { return other.memory == g.memory; };
    if (std::any_of(plan.gradients.begin(), plan.gradients.end(), shared) ||
        std::any_of(plan.fresh.begin(), plan.fresh.end(), shared))
      capture_->refuse("a gradient shares memory with another one, or with a result");
  } else if (!entry.is_same(grad)) {
    capture_->refuse("a gradient is a tensor that was made before");
  } else if (g.memory < 0) {
    return std::nullopt;   // untouched
  } else {
    g.entry = StepPlan::Gradient::Entry::Same;
  }
  plan.gradients.push_back(g);
  return g.kept ? std::optional<int>(g.memory) : std::nullopt;
}

py::object StepCapture::finish(const py::tuple& args, const py::dict& kwargs, const py::object& results,
                               const std::vector<py::object>& states, const std::vector<py::object>& parameters,
                               const std::vector<std::tuple<py::object, py::object, py::object>>& guards,
                               const std::vector<py::object>& buffers) {
  TORCH_CHECK(capture_, "hologram.jit: the capture has ended.");
  with_c10_errors([&] { default_queue().stream().flush(Reason::Library); });
  auto plan = std::make_unique<StepPlan>(*modes_);
  plan->args = structure(args, *plan, false);
  plan->kwargs = structure(kwargs, *plan, false);
  plan->results = structure(results, *plan, true);
  for (const auto& [place, key, value] : guards) plan->guard(place, key, value);
  for (const py::object& buffer : buffers) {
    const auto bytes = py::reinterpret_steal<py::bytes>(PyBytes_FromObject(buffer.ptr()));
    if (!bytes) throw py::error_already_set();
    plan->host_bytes.push_back({buffer, std::string(bytes)});
  }
  std::vector<int> known;
  for (const py::object& o : states)
    if (const int memory = watch_state(tensor_of(o), *plan); memory >= 0) known.push_back(memory);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (i >= entry_.size()) capture_->refuse("first seen");   // how it began is not known: the next capture tells
    const auto memory = watch_gradient(tensor_of(parameters[i]), i < entry_.size() ? entry_[i] : at::Tensor(), *plan);
    if (memory) known.push_back(*memory);
  }
  entry_.clear();
  capture_->check_owners(known);
  plan->graph = end_capture(capture_, reason_);
  return plan->graph ? py::cast(std::move(plan)) : py::none();
}

}  // namespace

void bind_step_capture(py::module_& m) {
  py::class_<StepCapture>(m, "StepCapture")
      .def(py::init<const std::vector<py::object>&, const std::vector<py::object>&, const std::vector<py::object>&>(),
           py::arg("tensors"), py::arg("numbers"), py::arg("parameters"))
      .def("refuse", &StepCapture::refuse)
      .def("hash_nodes", &StepCapture::hash_nodes)
      .def("hashes", &StepCapture::hashes, "Of each node: its name, where the program was, and a hash of what it wrote.")
      .def("drop", &StepCapture::drop)
      .def("finish", &StepCapture::finish, py::arg("args"), py::arg("kwargs"), py::arg("results"), py::arg("states"),
           py::arg("parameters"), py::arg("guards"), py::arg("buffers"))
      .def_property_readonly("has_constants", &StepCapture::has_constants)
      .def_property_readonly("reason", &StepCapture::reason);
  m.def("capturing", [] { return capturing(); });
  bindings::harden<StepCapture>(m, "StepCapture", "hologram.StepCapture: it was never initialised. See torch.hologram.jit.");
}

}  // namespace hologram
