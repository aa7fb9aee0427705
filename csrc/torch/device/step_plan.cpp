#include "torch/device/step_plan.h"

#include <ATen/PythonTorchFunctionTLS.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty_strided.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/PyInterpreter.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/csrc/autograd/python_variable.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "bindings/graph_program.h"
#include "bindings/harden.h"
#include "runtime/base/config.h"
#include "runtime/graph/capture.h"
#include "runtime/trace/history.h"
#include "runtime/trace/poison.h"
#include "torch/aten/core/common.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/generator.h"
#include "torch/device/plan_table.h"
#include "torch/device/storage.h"
#include "torch/device/threads.h"

namespace py = pybind11;

namespace hologram {

at::Tensor Geometry::tensor(c10::Storage storage) const {
  at::Tensor t =
      at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), type);
  t.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides, offset);
  return t;
}

namespace {
/// To what autocast converts, where it is on: each thread has a default of its own.
at::ScalarType autocast_type(c10::DeviceType device) {
  return at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : at::ScalarType::Undefined;
}
}  // namespace

Modes Modes::now() {
  Modes m{&default_queue(),
          c10::impl::tls_local_dispatch_key_set(),
          at::GradMode::is_enabled(),
          hologram::recording(),
          at::autocast::is_autocast_enabled(kDeviceType),
          at::autocast::is_autocast_enabled(at::kCPU),
          at::globalContext().deterministicAlgorithms(),
          at::globalContext().userEnabledMkldnn(),
          hologram::autocast_type(kDeviceType),
          hologram::autocast_type(at::kCPU),
          at::typeMetaToScalarType(at::get_default_dtype()),
          at::globalContext().float32MatmulPrecision(),
          fp_mode(),
          {}};
  const int64_t functions = at::impl::PythonTorchFunctionTLS::stack_len();
  for (int64_t i = 0; i < functions; ++i)
    m.functions.push_back(at::impl::PythonTorchFunctionTLS::get_stack_at(i)->ptr(getPyInterpreter()));
  return m;
}

bool Modes::operator==(const Modes& o) const {
  return queue == o.queue && keys.included_ == o.keys.included_ && keys.excluded_ == o.keys.excluded_ && grad == o.grad &&
         recording == o.recording && autocast == o.autocast && cpu_autocast == o.cpu_autocast && deterministic == o.deterministic &&
         mkldnn == o.mkldnn && autocast_type == o.autocast_type && cpu_autocast_type == o.cpu_autocast_type &&
         default_type == o.default_type && precision == o.precision && fp == o.fp && functions == o.functions;
}

// ---- does it fit? ----

namespace {

bool is_plain_value(PyObject* o) {
  return PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyUnicode_CheckExact(o) || PyBytes_CheckExact(o);
}

}  // namespace

bool same_object(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (Py_TYPE(a) != Py_TYPE(b) || !is_plain_value(a)) return false;
  if (PyFloat_CheckExact(a)) {   // -0.0 is another number, NaN is none
    const double x = PyFloat_AS_DOUBLE(a), y = PyFloat_AS_DOUBLE(b);
    return std::memcmp(&x, &y, sizeof(x)) == 0;
  }
  return PyObject_RichCompareBool(a, b, Py_EQ) == 1;
}

namespace {

/// A number that changes with every change of a dict; 0 where the interpreter has none.
uint64_t dict_version(PyObject* dict) {
#if PY_VERSION_HEX < 0x030E0000
  C10_DIAGNOSTIC_PUSH_AND_IGNORED_IF_DEFINED("-Wdeprecated-declarations")
  return PyDict_Check(dict) ? reinterpret_cast<PyDictObject*>(dict)->ma_version_tag : 0;
  C10_DIAGNOSTIC_POP()
#else
  return 0;
#endif
}

/// What stands in the place of a key where a dict or list must have as many items as it had.
PyObject* length_key() {
  static PyObject* const key = py::module_::import("builtins").attr("object")().release().ptr();
  return key;
}

/// What a dict, a list or a closure's cell holds there.
PyObject* held(PyObject* place, PyObject* key) {
  if (PyDict_Check(place)) return PyDict_GetItemWithError(place, key);
  if (PyCell_Check(place)) return PyCell_GET(place);
  const Py_ssize_t i = PyLong_AsSsize_t(key);
  return i >= 0 && i < PyList_GET_SIZE(place) ? PyList_GET_ITEM(place, i) : nullptr;
}

/// Does a dict, a list or a closure's cell hold there what it held?
bool holds(PyObject* place, PyObject* key, PyObject* value) {
  if (key == length_key()) return PyObject_Size(place) == PyLong_AsSsize_t(value);
  PyObject* const now = held(place, key);
  if (now == value) return true;
  PyErr_Clear();   // of a key that cannot be looked up any more
  return now && same_object(now, value);
}

std::string described(PyObject* key) {
  if (PyUnicode_Check(key)) return "'" + std::string(py::str(key)) + "'";
  if (key == length_key()) return "its length";
  return PyLong_Check(key) ? "item " + std::string(py::str(key)) : "a variable";
}

bool holds_bytes(PyObject* object, const std::string& bytes) {
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) != 0) {
    PyErr_Clear();
    return false;
  }
  const bool same = static_cast<size_t>(view.len) == bytes.size() && std::memcmp(view.buf, bytes.data(), bytes.size()) == 0;
  PyBuffer_Release(&view);
  return same;
}

}  // namespace

const at::Tensor& tensor_of(py::handle object) {
  if (!THPVariable_Check(object.ptr())) throw py::type_error("hologram: a tensor is needed.");
  return THPVariable_Unpack(object.ptr());
}

void StepPlan::guard(const py::object& place, py::object key, py::object value) {
  const auto found = std::find_if(places.begin(), places.end(), [&](const GuardedPlace& p) { return p.place.is(place); });
  GuardedPlace& at = found == places.end() ? places.emplace_back() : *found;
  at.place = place;
  at.guards.push_back({std::move(key), std::move(value)});
}

bool StepPlan::match_tensor(PyObject* object, const Structure& expected, Arguments& tensors) const {
  if (reinterpret_cast<PyObject*>(Py_TYPE(object)) != expected.value.ptr()) return false;
  const at::Tensor& t = THPVariable_Unpack(object);
  const Structure::Tensor& slot = *expected.tensor;
  if (!t.has_storage() || !slot.geometry.matches(t) || t.requires_grad() || t.is_conj() || t.is_neg()) return false;
  if (slot.value) return !std::memcmp(t.const_data_ptr(), slot.value->data(), slot.value->size());
  tensors.push_back(&t);
  return true;
}

bool StepPlan::match(PyObject* object, const Structure& expected, Arguments& tensors) const {
  const auto n = static_cast<Py_ssize_t>(expected.items.size());
  switch (expected.kind) {
    case Structure::Kind::Tensor: return match_tensor(object, expected, tensors);
    case Structure::Kind::Value: return same_object(object, expected.value.ptr());
    case Structure::Kind::NamedTuple:
      if (reinterpret_cast<PyObject*>(Py_TYPE(object)) != expected.value.ptr()) return false;
      [[fallthrough]];
    case Structure::Kind::Tuple:
      if (expected.kind == Structure::Kind::Tuple && !PyTuple_CheckExact(object)) return false;
      if (PyTuple_GET_SIZE(object) != n) return false;
      for (Py_ssize_t i = 0; i < n; ++i)
        if (!match(PyTuple_GET_ITEM(object, i), expected.items[static_cast<size_t>(i)], tensors)) return false;
      return true;
    case Structure::Kind::List:
      if (!PyList_CheckExact(object) || PyList_GET_SIZE(object) != n) return false;
      for (Py_ssize_t i = 0; i < n; ++i)
        if (!match(PyList_GET_ITEM(object, i), expected.items[static_cast<size_t>(i)], tensors)) return false;
      return true;
    case Structure::Kind::Dict: break;
  }
  if (!PyDict_CheckExact(object) || PyDict_GET_SIZE(object) != n) return false;
  for (size_t i = 0; i < expected.items.size(); ++i) {
    PyObject* const own = PyDict_GetItemWithError(object, expected.keys[i].ptr());
    if (!own || !match(own, expected.items[i], tensors)) return false;
  }
  return true;
}

bool StepPlan::still_holds(GuardedPlace& place) {
  const uint64_t version = dict_version(place.place.ptr());
  if (version && version == place.version) return true;
  for (const Guard& guard : place.guards) {
    if (!holds(place.place.ptr(), guard.key.ptr(), guard.value.ptr()))
      return unfit("what it reads from its surroundings was replaced (" + described(guard.key.ptr()) + ")");
  }
  place.version = version;
  return true;
}

bool StepPlan::State::is_as_it_was() const {
  if (tensor.storage().data() != data || !geometry.matches(tensor) || tensor.requires_grad() != requires_grad) return false;
  const auto* meta = torch::autograd::impl::get_autograd_meta(tensor);
  return !meta || (meta->hooks_.empty() && !meta->post_acc_grad_hooks_);
}

bool StepPlan::still_valid(const Arguments& tensors) {
  for (GuardedPlace& place : places)
    if (!still_holds(place)) return false;
  for (const HostBytes& host : host_bytes)
    if (!holds_bytes(host.buffer.ptr(), host.bytes)) return unfit("an array of the host that it reads was written");
  for (const HostState& state : host_states)
    if (state.tensor.storage().data() != state.data || state.tensor._version() != state.version)
      return unfit("a tensor of the CPU that it reads was written");
  for (const State& state : states)
    if (!state.is_as_it_was()) return unfit("a parameter or a tensor that it uses was replaced, or has a hook");
  for (const Gradient& g : gradients) {
    if (g.entry == Gradient::Entry::Any) continue;
    const at::Tensor& grad = g.parameter.grad();
    if (g.entry == Gradient::Entry::None ? grad.defined()
                                         : grad.unsafeGetTensorImpl() != g.last ||
                                               grad.storage().data() != graph->memories()[static_cast<size_t>(g.memory)].address)
      return unfit("gradients are there at the beginning that were not, or the other way round");
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const void* data = tensors[i]->storage().data();
    for (size_t j = 0; j < i; ++j)
      if (data && tensors[j]->storage().data() == data) return unfit("two arguments share memory");
    if (tensors[i]->device().is_cpu()) continue;
    for (const State& state : states)
      if (state.data == data) return unfit("an argument shares memory with a tensor that it uses");
  }
  return true;
}

// ---- running ----

c10::Storage storage_of(Block* block, c10::Device device) {
  c10::Storage storage =
      c10::make_storage_impl(c10::StorageImpl::use_byte_size_t(), c10::SymInt(static_cast<int64_t>(block->bytes)),
                             aten::data_ptr_of(block, device), c10::GetAllocator(kDeviceType), /*resizable=*/true, device);
  watch_pointers(*storage.unsafeGetStorageImpl());
  return storage;
}

c10::SmallVector<c10::Storage, 8> prepare_run(Graph& graph, const std::vector<FreshMemory>& fresh) {
  limit_threads_after_fork();
  graph.catch_up();
  c10::SmallVector<c10::Storage, 8> storages;
  const c10::Device device(kDeviceType, current_device());
  for (const FreshMemory& memory : fresh) {
    Block* const block = allocate_for_torch(graph.queue(), memory.bytes);
    storages.push_back(storage_of(block, device));
    graph.place(memory.memory, block->data);
  }
  return storages;
}

void WrittenMemory::add(const at::Tensor& t) {
  if (const Block* const block = block_of(t.storage().data_ptr())) blocks_.push_back(block);
}

void WrittenMemory::remember(int64_t started) const {
  c10::SmallVector<OperandRecord, 8> operands;
  for (const Block* block : blocks_) operands.push_back({block->data, static_cast<int64_t>(block->bytes), true});
  remember_call("replay of a captured plan", operands.data(), static_cast<int>(operands.size()), started);
}

void run_graph(Graph& graph, const WrittenMemory& written) {
  PhiloxRange range{0, 0};
  if (graph.draws()) range = reserve_philox(std::nullopt, graph.draws());
  try {
    std::optional<py::gil_scoped_release> others_go_on;
    if (graph.is_long()) others_go_on.emplace();
    written.note();   // a run that ends in the middle has written, too
    const int64_t started = work_clock();
    with_c10_errors([&] { graph.run(range.seed, range.offset); });
    if (started) written.remember(started);
    written.note();
  } catch (const OtherValue&) {
    if (graph.draws()) give_back_philox(range);
    throw;
  }
}

/// Where gradients go: into the tensor of the last run while no one else holds it, else into a new one.
void StepPlan::place_gradients() {
  for (Gradient& g : gradients) {
    if (g.kept) continue;
    at::Tensor& grad = g.parameter.mutable_grad();
    if (!g.made) {
      grad.reset();
      continue;
    }
    if (!grad.defined() || grad.unsafeGetTensorImpl() != g.last || grad.use_count() != 1 || grad.storage().use_count() != 1 ||
        !g.geometry.matches(grad)) {
      Block* const block = allocate_for_torch(*modes.queue, graph->memories()[static_cast<size_t>(g.memory)].bytes);
      grad = g.geometry.tensor(storage_of(block, g.geometry.device));
      g.last = grad.unsafeGetTensorImpl();
    }
    graph->place(g.memory, static_cast<char*>(const_cast<void*>(grad.storage().data())));
  }
}

py::object named_tuple(const py::object& type, const py::tuple& items) {
  return py::hasattr(type, "_fields") ? type(*items) : type(items);
}

py::object StepPlan::build(const Structure& structure, const Arguments& tensors, c10::ArrayRef<c10::Storage> storages) const {
  const size_t n = structure.items.size();
  switch (structure.kind) {
    case Structure::Kind::Tensor: {
      const Structure::Tensor& slot = *structure.tensor;
      if (slot.argument < 0 && slot.memory < 0) {   // no elements, no memory
        const Geometry& g = slot.geometry;
        const auto options = at::TensorOptions().dtype(g.type).device(g.device);
        return py::reinterpret_steal<py::object>(THPVariable_Wrap(at::empty_strided(g.sizes, g.strides, options)));
      }
      if (slot.argument < 0)
        return py::reinterpret_steal<py::object>(
            THPVariable_Wrap(slot.geometry.tensor(storages[static_cast<size_t>(slot.memory)])));
      const at::Tensor& argument = *tensors[static_cast<size_t>(slot.argument)];
      return py::reinterpret_steal<py::object>(THPVariable_Wrap(slot.itself ? argument : slot.geometry.tensor(argument.storage())));
    }
    case Structure::Kind::Tuple:
    case Structure::Kind::NamedTuple: {
      py::tuple made(n);
      for (size_t i = 0; i < n; ++i) made[i] = build(structure.items[i], tensors, storages);
      return structure.kind == Structure::Kind::Tuple ? py::object(made) : named_tuple(structure.value, made);
    }
    case Structure::Kind::List: {
      py::list made(n);
      for (size_t i = 0; i < n; ++i) made[i] = build(structure.items[i], tensors, storages);
      return made;
    }
    case Structure::Kind::Dict: {
      py::dict made;
      for (size_t i = 0; i < n; ++i) made[structure.keys[i]] = build(structure.items[i], tensors, storages);
      return made;
    }
    case Structure::Kind::Value: break;
  }
  return structure.value;
}

py::object StepPlan::call(PyObject* given_args, PyObject* given_kwargs) {
  const auto not_implemented = [] { return py::reinterpret_borrow<py::object>(Py_NotImplemented); };
  const auto alone = bindings::alone_with(running_);
  Arguments tensors;
  misfit_.clear();
  if (!graph->is_ready()) return not_implemented();
  if (!match(given_args, args, tensors) || (given_kwargs ? !match(given_kwargs, kwargs, tensors) : !kwargs.items.empty()))
    return unfit("its arguments are others"), not_implemented();
  if (!(Modes::now() == modes)) return unfit("a mode (gradients, autocast, backend, recording) is another one"), not_implemented();
  if (!still_valid(tensors) || capturing()) return not_implemented();

  const auto storages = prepare_run(*graph, fresh);
  if (any_poisoned()) return unfit("a value was lost to an error"), not_implemented();
  for (size_t i = 0; i < tensors.size(); ++i)
    if (given[i].memory >= 0) graph->place(given[i].memory, static_cast<char*>(const_cast<void*>(tensors[i]->storage().data())));
  std::vector<at::Tensor> before;   // gradients, to be put back where a check ends the run
  if (graph->has_checks())
    for (const Gradient& g : gradients) before.push_back(g.parameter.grad());
  place_gradients();
  WrittenMemory memory;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (given[i].written) memory.add(*tensors[i]);
  for (const Gradient& g : gradients)
    if (g.made) memory.add(g.parameter.grad());
  try {
    run_graph(*graph, memory);
  } catch (const OtherValue&) {
    for (size_t i = 0; i < before.size(); ++i) gradients[i].parameter.mutable_grad() = before[i];
    return unfit("a value that the host reads is another one"), not_implemented();
  }
  for (const State& state : states)
    if (state.written) state.tensor.unsafeGetTensorImpl()->bump_version();
  for (size_t i = 0; i < tensors.size(); ++i)
    if (given[i].written) tensors[i]->unsafeGetTensorImpl()->bump_version();
  ++runs;
  return build(results, tensors, storages);
}

py::tuple StepPlan::call_and_hash(const py::tuple& given_args, const py::dict& given_kwargs) {
  std::vector<Graph::NodeBits> hashes;
  graph->hash_nodes(&hashes);
  py::object result;
  try {
    result = call(given_args.ptr(), given_kwargs.ptr());
  } catch (...) {
    graph->hash_nodes(nullptr);
    throw;
  }
  graph->hash_nodes(nullptr);
  py::list all;
  for (const Graph::NodeBits& node : hashes)
    all.append(py::make_tuple(node.captured, node.known ? py::object(py::int_(node.bits)) : py::object(py::none())));
  return py::make_tuple(result, all);
}

// ---- Python's garbage collection: a function, its surroundings and its plans hold each other ----

namespace {

int visit_structure(const Structure& s, visitproc visit, void* arg) {
  Py_VISIT(s.value.ptr());
  for (const py::object& key : s.keys) Py_VISIT(key.ptr());
  for (const Structure& item : s.items)
    if (const int found = visit_structure(item, visit, arg)) return found;
  return 0;
}

}  // namespace

int StepPlan::traverse(visitproc visit, void* arg) const {
  for (const Structure* s : {&args, &kwargs, &results})
    if (const int found = visit_structure(*s, visit, arg)) return found;
  for (const GuardedPlace& place : places) {
    Py_VISIT(place.place.ptr());
    for (const Guard& guard : place.guards) {
      Py_VISIT(guard.key.ptr());
      Py_VISIT(guard.value.ptr());
    }
  }
  for (const HostBytes& host : host_bytes) Py_VISIT(host.buffer.ptr());
  return 0;
}

void StepPlan::clear() {
  // What is let go may run code that looks at this plan: it holds nothing by then.
  const Structure old_args = std::exchange(args, {}), old_kwargs = std::exchange(kwargs, {}),
                  old_results = std::exchange(results, {});
  const auto old_places = std::exchange(places, {});
  const auto old_bytes = std::exchange(host_bytes, {});
}

// ---- Python ----

namespace {

/// The base of JitFunction: a call goes to the first plan that fits, else to the method `_run`.
struct PlanTable {
  py::object plans = py::list();
  template <class Visit>
  void each(Visit&& visit) {
    visit(plans);
  }
};

PyTypeObject* step_plan_type = nullptr;

PyObject* call_table(PyObject* self, PyObject* args, PyObject* kwargs) {
  HANDLE_TH_ERRORS
  if (const PlanTable* table = value_of<PlanTable>(self); table && table->plans) {
    const py::object plans = table->plans;
    py::object result;
    const auto run = [&](StepPlan& plan) {
      result = plan.call(args, kwargs);
      return result.ptr() != Py_NotImplemented;
    };
    if (run_first<StepPlan>(plans.ptr(), step_plan_type, run)) return result.release().ptr();
  }
  const py::object given = kwargs ? py::reinterpret_borrow<py::object>(kwargs) : py::dict();
  static PyObject* const name = PyUnicode_InternFromString("_run");
  return PyObject_CallMethodObjArgs(self, name, args, given.ptr(), nullptr);
  END_HANDLE_TH_ERRORS
}

/// The tensors around the function that a run writes.
py::list written_by(const StepPlan& plan) {
  py::list tensors;
  for (const StepPlan::State& state : plan.states)
    if (state.written) tensors.append(py::reinterpret_steal<py::object>(THPVariable_Wrap(state.tensor)));
  return tensors;
}

/// The parameters whose gradients a run makes, changes or lets go.
py::list parameters_of(const StepPlan& plan) {
  py::list tensors;
  for (const StepPlan::Gradient& g : plan.gradients)
    tensors.append(py::reinterpret_steal<py::object>(THPVariable_Wrap(g.parameter)));
  return tensors;
}

}  // namespace

void bind_step_plans(py::module_& m) {
  m.attr("LENGTH") = py::reinterpret_borrow<py::object>(length_key());
  py::class_<StepPlan>(m, "StepPlan", py::custom_type_setup([](PyHeapTypeObject* type) {
                         type->ht_type.tp_flags |= Py_TPFLAGS_HAVE_GC;
                         type->ht_type.tp_traverse = [](PyObject* self, visitproc visit, void* arg) -> int {
                           Py_VISIT(Py_TYPE(self));
                           const StepPlan* plan = value_of<StepPlan>(self);
                           return plan ? plan->traverse(visit, arg) : 0;
                         };
                         type->ht_type.tp_clear = [](PyObject* self) -> int {
                           if (StepPlan* plan = value_of<StepPlan>(self)) plan->clear();
                           return 0;
                         };
                       }))
      .def(
          "call", [](StepPlan& plan, const py::tuple& args, const py::dict& kwargs) { return plan.call(args.ptr(), kwargs.ptr()); },
          py::arg("args"), py::arg("kwargs"))
      .def("unlike", [](const StepPlan& a, const StepPlan& b) { return a.graph->unlike(*b.graph); })
      .def("finish",
           [](StepPlan& plan) {
             plan.graph->run_constants_once();
             with_c10_errors([&] { plan.graph->finish(); });
           })
      .def("call_and_hash", &StepPlan::call_and_hash, py::arg("args"), py::arg("kwargs"))
      .def("program", [](const StepPlan& plan) { return bindings::program_of(*plan.graph); })
      .def_property_readonly("written", &written_by)
      .def_property_readonly("parameters", &parameters_of)
      .def_property_readonly("misfit", &StepPlan::misfit)
      .def_property_readonly("nodes", [](const StepPlan& plan) { return plan.graph->num_nodes(); })
      .def_property_readonly("launches", [](const StepPlan& plan) { return plan.graph->num_launches(); })
      .def_property_readonly("constants", [](const StepPlan& plan) { return plan.graph->num_constant_nodes(); })
      .def_property_readonly("bytes", [](const StepPlan& plan) { return plan.graph->slab_bytes(); })
      .def_readonly("runs", &StepPlan::runs);
  step_plan_type = reinterpret_cast<PyTypeObject*>(m.attr("StepPlan").ptr());
  py::class_<PlanTable>(m, "PlanTable", collected<PlanTable>(&call_table))
      .def(py::init<>())
      .def_property_readonly("_plans", [](const PlanTable& table) { return table.plans ? table.plans : py::list(); });
  bindings::harden<StepPlan>(m, "StepPlan", "hologram.StepPlan: it was never initialised. See torch.hologram.jit.");
  bindings::harden<PlanTable>(m, "PlanTable", "hologram.PlanTable: it was never initialised. Call __init__ first.");
}

}  // namespace hologram
