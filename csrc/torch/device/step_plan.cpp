#include "torch/device/step_plan.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <pybind11/stl.h>
#include <torch/csrc/autograd/python_variable.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/config.h"
#include "runtime/base/fp_mode.h"
#include "runtime/graph/capture.h"
#include "torch/aten/core/common.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/generator.h"
#include "torch/device/threads.h"

namespace py = pybind11;

namespace hologram {
namespace {

using aten::is_hologram;

/// What a tensor looks like without its memory.
struct Geometry {
  c10::SmallVector<int64_t, 5> sizes, strides;
  int64_t offset = 0;
  caffe2::TypeMeta type;
  c10::Device device{c10::DeviceType::CPU};

  Geometry() = default;
  explicit Geometry(const at::Tensor& t)
      : sizes(t.sizes().begin(), t.sizes().end()),
        strides(t.strides().begin(), t.strides().end()),
        offset(t.storage_offset()),
        type(t.dtype()),
        device(t.device()) {}
  bool matches(const at::Tensor& t) const {
    return t.dtype() == type && t.device() == device && t.sizes() == c10::IntArrayRef(sizes) &&
           t.strides() == c10::IntArrayRef(strides) && t.storage_offset() == offset;
  }
  at::Tensor tensor(c10::Storage storage) const {
    at::Tensor t =
        at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), type);
    t.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides, offset);
    return t;
  }
};

/// An argument, or a result, in the structures that a plan matches.
struct TensorSlot {
  Geometry geometry;
  int memory = -1;            // of the graph
  std::optional<std::string> value;   // a number of the CPU's: its bytes, which are part of what a plan matches
  py::object same;            // a result that is no new tensor: state, or None
  int argument = -1;          // a result in an argument's memory
  bool itself = false;        // ... which is that argument
};

/// The modes under which a function computes something else.
struct Modes {
  Queue* queue;
  c10::impl::LocalDispatchKeySet keys;
  bool grad, recording, autocast, cpu_autocast;
  at::ScalarType autocast_type, cpu_autocast_type, default_type;
  FpMode fp;

  static Modes now() {
    const auto device = kDeviceType;
    return {&default_queue(),
            c10::impl::tls_local_dispatch_key_set(),
            at::GradMode::is_enabled(),
            hologram::recording(),
            at::autocast::is_autocast_enabled(device),
            at::autocast::is_autocast_enabled(at::kCPU),
            at::autocast::get_autocast_dtype(device),
            at::autocast::get_autocast_dtype(at::kCPU),
            at::typeMetaToScalarType(at::get_default_dtype()),
            fp_mode()};
  }
  bool operator==(const Modes& o) const {
    return queue == o.queue && keys.included_ == o.keys.included_ && keys.excluded_ == o.keys.excluded_ && grad == o.grad &&
           recording == o.recording && autocast == o.autocast && cpu_autocast == o.cpu_autocast &&
           autocast_type == o.autocast_type && cpu_autocast_type == o.cpu_autocast_type && default_type == o.default_type &&
           fp == o.fp;
  }
};

c10::Storage storage_of(Block* block, c10::Device device) {
  c10::Storage storage =
      c10::make_storage_impl(c10::StorageImpl::use_byte_size_t(), c10::SymInt(static_cast<int64_t>(block->bytes)),
                             aten::data_ptr_of(block, device), c10::GetAllocator(kDeviceType), /*resizable=*/true, device);
  watch_pointers(*storage.unsafeGetStorageImpl());
  return storage;
}

class StepPlan {
 public:
  /// A place in a dict, a list or a cell that must hold what it held: a module's parameter, a number that the function read.
  struct Guard {
    py::object dict, key, value;
  };
  /// A tensor that exists outside: where it lay.
  struct State {
    at::Tensor tensor;
    const void* data;
    int64_t numel;
    bool requires_grad, written;
  };
  struct Gradient {
    enum class Entry : uint8_t { Any, None, Same } entry = Entry::Any;
    at::Tensor parameter;
    bool made = false, kept = false;  // the plan makes a new one, or adds to the one there is; neither: there is none afterwards
    Geometry geometry;
    int memory = -1;
    const c10::TensorImpl* last = nullptr;
  };
  struct Result {
    int memory;
    size_t bytes;
  };

  explicit StepPlan(const Modes& now) : modes(now) {}

  std::unique_ptr<Graph> graph;
  const Modes modes;
  py::object arguments;  // (args, kwargs) with a TensorSlot for each tensor
  py::object results;
  std::vector<TensorSlot*> given;  // those of the arguments, in order
  std::vector<Guard> guards;
  std::vector<State> states;
  std::vector<Gradient> gradients;
  std::vector<Result> fresh;  // memory of results
  uint64_t runs = 0;

  /// NotImplemented where the plan does not fit.
  py::object call(py::handle args, py::handle kwargs);
  const char* misfit() const { return misfit_; }

 private:
  bool match(PyObject* given, PyObject* expected);
  bool match_tensor(PyObject* given, const TensorSlot& slot);
  bool still_valid();
  bool place_gradients();
  py::object build(PyObject* structure, const std::vector<c10::Storage>& storages);

  c10::SmallVector<const at::Tensor*, 8> tensors_;  // the arguments of this call
  const char* misfit_ = "";
};

// ---- does it fit? ----

bool is_plain_value(PyObject* o) {
  return PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyUnicode_CheckExact(o) || PyBytes_CheckExact(o);
}

bool same_object(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (Py_TYPE(a) != Py_TYPE(b) || !is_plain_value(a)) return false;
  if (PyFloat_CheckExact(a)) {  // -0.0 is another number, NaN is none
    const double x = PyFloat_AS_DOUBLE(a), y = PyFloat_AS_DOUBLE(b);
    return std::memcmp(&x, &y, sizeof(x)) == 0;
  }
  return PyObject_RichCompareBool(a, b, Py_EQ) == 1;
}

bool StepPlan::match_tensor(PyObject* object, const TensorSlot& slot) {
  if (!THPVariable_Check(object)) return false;
  const at::Tensor& t = THPVariable_Unpack(object);
  if (!t.has_storage() || !slot.geometry.matches(t) || t.requires_grad() || t.is_conj() || t.is_neg()) return false;
  if (slot.value) return !std::memcmp(t.const_data_ptr(), slot.value->data(), slot.value->size());
  tensors_.push_back(&t);
  return true;
}

bool StepPlan::match(PyObject* object, PyObject* expected) {
  if (py::isinstance<TensorSlot>(expected)) return match_tensor(object, *py::handle(expected).cast<TensorSlot*>());
  if (PyTuple_CheckExact(expected)) {
    if (!PyTuple_CheckExact(object) || PyTuple_GET_SIZE(object) != PyTuple_GET_SIZE(expected)) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(expected); ++i)
      if (!match(PyTuple_GET_ITEM(object, i), PyTuple_GET_ITEM(expected, i))) return false;
    return true;
  }
  if (PyList_CheckExact(expected)) {
    if (!PyList_CheckExact(object) || PyList_GET_SIZE(object) != PyList_GET_SIZE(expected)) return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(expected); ++i)
      if (!match(PyList_GET_ITEM(object, i), PyList_GET_ITEM(expected, i))) return false;
    return true;
  }
  if (PyDict_CheckExact(expected)) {
    if (!PyDict_CheckExact(object) || PyDict_GET_SIZE(object) != PyDict_GET_SIZE(expected)) return false;
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(expected, &at, &key, &value);) {
      PyObject* const own = PyDict_GetItemWithError(object, key);
      if (!own || !match(own, value)) return false;
    }
    return true;
  }
  return same_object(object, expected);
}

/// What a dict, a list or a closure's cell holds there.
PyObject* held(PyObject* place, PyObject* key) {
  if (PyDict_Check(place)) return PyDict_GetItemWithError(place, key);
  if (PyCell_Check(place)) return PyCell_GET(place);
  const Py_ssize_t i = PyLong_AsSsize_t(key);
  return i >= 0 && i < PyList_GET_SIZE(place) ? PyList_GET_ITEM(place, i) : nullptr;
}

bool StepPlan::still_valid() {
  for (Guard& guard : guards) {
    PyObject* const now = held(guard.dict.ptr(), guard.key.ptr());
    if (now == guard.value.ptr()) continue;
    if (!now || !same_object(now, guard.value.ptr())) return misfit_ = "what it reads from its surroundings was replaced", false;
  }
  for (const State& state : states) {
    const c10::TensorImpl* impl = state.tensor.unsafeGetTensorImpl();
    if (impl->storage().data() != state.data || impl->numel() != state.numel || state.tensor.requires_grad() != state.requires_grad)
      return misfit_ = "the memory of a parameter or of a tensor that it uses was replaced", false;
  }
  for (const Gradient& g : gradients) {
    if (g.entry == Gradient::Entry::Any) continue;
    const at::Tensor& grad = g.parameter.grad();
    if (g.entry == Gradient::Entry::None ? grad.defined()
                                         : grad.unsafeGetTensorImpl() != g.last ||
                                               grad.storage().data() != graph->memories()[static_cast<size_t>(g.memory)].address)
      return misfit_ = "gradients are there at the beginning that were not, or the other way round", false;
  }
  const size_t arguments = tensors_.size();
  for (size_t i = 0; i < arguments; ++i) {
    const void* data = tensors_[i]->storage().data();
    for (size_t j = 0; j < i; ++j)
      if (tensors_[j]->storage().data() == data) return misfit_ = "two arguments share memory", false;
    if (!tensors_[i]->device().is_cpu())
      for (const State& state : states)
        if (state.data == data) return misfit_ = "an argument shares memory with a tensor that it uses", false;
  }
  return true;
}

// ---- running ----

/// Where gradients go: into the tensor of the last run while no one else holds it, else into a new one.
bool StepPlan::place_gradients() {
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
  return true;
}

/// A tuple of the type of `like`: a named tuple of Python's takes its items one by one, torch's take them together.
py::object named_tuple(PyObject* like, const py::tuple& items) {
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(Py_TYPE(like)));
  return py::hasattr(type, "_fields") ? type(*items) : type(items);
}

py::object StepPlan::build(PyObject* structure, const std::vector<c10::Storage>& storages) {
  if (py::isinstance<TensorSlot>(structure)) {
    const TensorSlot& slot = *py::handle(structure).cast<TensorSlot*>();
    if (slot.same) return slot.same;
    if (slot.argument >= 0) {
      const at::Tensor& argument = *tensors_[static_cast<size_t>(slot.argument)];
      return py::reinterpret_steal<py::object>(THPVariable_Wrap(slot.itself ? argument : slot.geometry.tensor(argument.storage())));
    }
    return py::reinterpret_steal<py::object>(THPVariable_Wrap(slot.geometry.tensor(storages[static_cast<size_t>(slot.memory)])));
  }
  if (PyTuple_Check(structure)) {
    const Py_ssize_t n = PyTuple_GET_SIZE(structure);
    py::tuple made(n);
    for (Py_ssize_t i = 0; i < n; ++i) made[static_cast<size_t>(i)] = build(PyTuple_GET_ITEM(structure, i), storages);
    if (PyTuple_CheckExact(structure)) return made;
    return named_tuple(structure, made);
  }
  if (PyList_CheckExact(structure)) {
    py::list made;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(structure); ++i) made.append(build(PyList_GET_ITEM(structure, i), storages));
    return made;
  }
  if (PyDict_CheckExact(structure)) {
    py::dict made;
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(structure, &at, &key, &value);) made[py::handle(key)] = build(value, storages);
    return made;
  }
  return py::reinterpret_borrow<py::object>(structure);
}

py::object StepPlan::call(py::handle args, py::handle kwargs) {
  const auto not_implemented = [] { return py::reinterpret_borrow<py::object>(Py_NotImplemented); };
  tensors_.clear();
  misfit_ = "its arguments are others";
  const py::tuple expected = py::reinterpret_borrow<py::tuple>(arguments);
  if (!match(args.ptr(), PyTuple_GET_ITEM(expected.ptr(), 0)) || !match(kwargs.ptr(), PyTuple_GET_ITEM(expected.ptr(), 1)))
    return not_implemented();
  if (!(Modes::now() == modes))
    return misfit_ = "a mode (gradients, autocast, backend, recording) is another one", not_implemented();
  if (!still_valid() || capturing()) return not_implemented();

  limit_threads_after_fork();
  modes.queue->stream().run(Reason::Library);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const at::Tensor& t = *tensors_[i];
    graph->place(given[i]->memory, static_cast<char*>(const_cast<void*>(t.storage().data())));
  }
  std::vector<c10::Storage> storages(fresh.size());
  const c10::Device device(kDeviceType, current_device());
  for (size_t i = 0; i < fresh.size(); ++i) {
    Block* const block = allocate_for_torch(*modes.queue, fresh[i].bytes);
    storages[i] = storage_of(block, device);
    graph->place(fresh[i].memory, block->data);
  }
  place_gradients();
  PhiloxRange range{0, 0};
  if (graph->draws()) range = reserve_philox(std::nullopt, graph->draws());
  with_c10_errors([&] { graph->run(range.seed, range.offset); });
  for (const State& state : states)
    if (state.written) state.tensor.unsafeGetTensorImpl()->bump_version();
  ++runs;
  py::object out = build(results.ptr(), storages);
  return out;
}

// ---- making one ----

class StepCapture {
 public:
  /// `tensors`: the arguments that are others in each call; `numbers`: those of the CPU whose value is part of what is matched.
  StepCapture(const std::vector<py::object>& tensors, const std::vector<py::object>& numbers,
              const std::vector<py::object>& parameters) {
    TORCH_CHECK(default_queue().reads_host_memory() && default_queue().has_one_queue(),
                "hologram.jit: graphs are captured on the cpu backend only. Use set_backend('cpu').");
    with_c10_errors([&] {
      default_queue().stream().flush(Reason::Library);
      capture_.emplace(default_queue());
    });
    for (const py::object& o : tensors) {
      const at::Tensor& t = THPVariable_Unpack(o.ptr());
      tensors_.push_back(t);
      if (!is_hologram(t)) {
        numbers_.push_back(capture_->give_host(t.storage().data(), t.storage().nbytes()));
      } else if (Block* block = aten::block_of(t)) {
        numbers_.push_back(capture_->give(*block));
      } else {
        capture_->refuse("an argument has no memory");
        numbers_.push_back(-1);
      }
    }
    for (const py::object& o : numbers) capture_->allow_constant(THPVariable_Unpack(o.ptr()).const_data_ptr());
    for (const py::object& o : parameters) entry_.push_back(THPVariable_Unpack(o.ptr()).grad());
    modes_.emplace(Modes::now());
  }

  void refuse(const std::string& reason) {
    if (capture_) capture_->refuse(reason);
  }
  /// Ends it, without a plan.
  void drop() { capture_.reset(); }

  py::object finish(py::object arguments, py::object results, const std::vector<py::object>& states,
                    const std::vector<py::object>& parameters,
                    const std::vector<std::tuple<py::object, py::object, py::object>>& guards);
  std::string reason() const { return reason_; }

 private:
  py::object structure(py::handle value, StepPlan& plan, bool of_results);
  py::object result_slot(const at::Tensor& t, py::handle object, StepPlan& plan);

  std::optional<Capture> capture_;
  std::optional<Modes> modes_;
  std::vector<at::Tensor> tensors_, entry_;
  std::vector<int> numbers_;
  std::string reason_;
};

bool is_number(const at::Tensor& t) { return t.is_cpu() && t.numel() <= 1; }

/// A copy of nested tuples, lists and dicts with a TensorSlot in the place of each tensor.
py::object StepCapture::structure(py::handle value, StepPlan& plan, bool of_results) {
  PyObject* const o = value.ptr();
  if (THPVariable_Check(o)) {
    const at::Tensor& t = THPVariable_Unpack(o);
    if (of_results) return result_slot(t, value, plan);
    auto slot = std::make_unique<TensorSlot>();
    slot->geometry = Geometry(t);
    if (is_number(t)) {
      slot->value.emplace(static_cast<const char*>(t.const_data_ptr()), t.nbytes());
      return py::cast(std::move(slot));
    }
    slot->memory = numbers_[plan.given.size()];
    plan.given.push_back(slot.get());
    return py::cast(std::move(slot));
  }
  if (PyTuple_Check(o)) {
    py::tuple made(PyTuple_GET_SIZE(o));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i)
      made[static_cast<size_t>(i)] = structure(PyTuple_GET_ITEM(o, i), plan, of_results);
    if (PyTuple_CheckExact(o)) return made;
    return named_tuple(o, made);
  }
  if (PyList_CheckExact(o)) {
    py::list made;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i) made.append(structure(PyList_GET_ITEM(o, i), plan, of_results));
    return made;
  }
  if (PyDict_CheckExact(o)) {
    py::dict made;
    PyObject *key, *item;
    for (Py_ssize_t at = 0; PyDict_Next(o, &at, &key, &item);) made[py::handle(key)] = structure(item, plan, of_results);
    return made;
  }
  return py::reinterpret_borrow<py::object>(value);
}

py::object StepCapture::result_slot(const at::Tensor& t, py::handle object, StepPlan& plan) {
  auto slot = std::make_unique<TensorSlot>();
  slot->geometry = Geometry(t);
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_[i].is_alias_of(t)) {
      slot->argument = static_cast<int>(i);
      slot->itself = tensors_[i].is_same(t);
      return py::cast(std::move(slot));
    }
  Block* const block =
      is_hologram(t) && t.has_storage() && t.layout() == c10::kStrided ? hologram::block_of(t.storage().data_ptr()) : nullptr;
  if (!block) {
    capture_->refuse("a result is no tensor of the device with memory of its own");
    return py::none();
  }
  if (t.is_conj() || t.is_neg()) capture_->refuse("a result is a lazy view");
  const int memory = capture_->result(*block);
  if (!capture_->made(memory)) {
    slot->same = py::reinterpret_borrow<py::object>(object);
    return py::cast(std::move(slot));
  }
  size_t at = 0;
  while (at < plan.fresh.size() && plan.fresh[at].memory != memory) ++at;
  if (at == plan.fresh.size()) plan.fresh.push_back({memory, block->bytes});
  slot->memory = static_cast<int>(at);
  return py::cast(std::move(slot));
}

py::object StepCapture::finish(py::object arguments, py::object results, const std::vector<py::object>& states,
                               const std::vector<py::object>& parameters,
                               const std::vector<std::tuple<py::object, py::object, py::object>>& guards) {
  with_c10_errors([&] { default_queue().stream().flush(Reason::Library); });
  auto plan = std::make_unique<StepPlan>(*modes_);
  plan->arguments = structure(arguments, *plan, false);
  plan->results = structure(results, *plan, true);
  for (const auto& [dict, key, value] : guards) plan->guards.push_back({dict, key, value});
  std::vector<int> state_numbers;
  for (const py::object& o : states) {
    const at::Tensor& t = THPVariable_Unpack(o.ptr());
    Block* const block = is_hologram(t) && t.has_storage() ? hologram::block_of(t.storage().data_ptr()) : nullptr;
    if (!block) continue;
    const int memory = capture_->number_of(*block);
    if (memory >= 0 && capture_->is_given(memory)) capture_->refuse("an argument shares memory with a tensor that it uses");
    plan->states.push_back({t, t.storage().data(), t.numel(), t.requires_grad(), memory >= 0 && capture_->is_written(memory)});
    if (memory >= 0) state_numbers.push_back(memory);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    StepPlan::Gradient g;
    g.parameter = THPVariable_Unpack(parameters[i].ptr());
    const at::Tensor entry = i < entry_.size() ? entry_[i] : at::Tensor();
    const at::Tensor grad = g.parameter.grad();
    if (i >= entry_.size()) capture_->refuse("first seen");  // how it began is not known: the next capture tells
    const auto block = [](const at::Tensor& t) {
      return t.defined() && t.has_storage() ? hologram::block_of(t.storage().data_ptr()) : nullptr;
    };
    if (grad.defined() && !block(grad)) {
      capture_->refuse("a gradient has no memory on the device");
      continue;
    }
    if (!entry.defined()) g.entry = StepPlan::Gradient::Entry::None;
    if (grad.defined()) {
      g.geometry = Geometry(grad);
      g.memory = capture_->number_of(*block(grad));
      g.last = grad.unsafeGetTensorImpl();
      g.made = g.memory >= 0 && capture_->made(g.memory);
      g.kept = !g.made;
      if (g.made) {
        g.memory = capture_->result(*block(grad));
        const auto shared = [&](const auto& other) { return other.memory == g.memory; };
        if (std::any_of(plan->gradients.begin(), plan->gradients.end(), shared) ||
            std::any_of(plan->fresh.begin(), plan->fresh.end(), shared))
          capture_->refuse("a gradient shares memory with another one, or with a result");
      }
      if (g.kept && entry.is_same(grad)) {
        if (g.memory < 0) continue;  // untouched
        g.entry = StepPlan::Gradient::Entry::Same;
        state_numbers.push_back(g.memory);
      } else if (g.kept) {
        capture_->refuse("a gradient is a tensor that was made before");
      }
    } else if (!entry.defined()) {
      continue;
    }
    plan->gradients.push_back(g);
  }
  entry_.clear();
  capture_->check_owners(state_numbers);
  reason_ = capture_->reason();
  if (!reason_.empty()) {
    capture_.reset();
    return py::none();
  }
  plan->graph = capture_->finish();
  capture_.reset();
  return py::cast(std::move(plan));
}

}  // namespace

void bind_step_plans(py::module_& m) {
  py::class_<TensorSlot>(m, "TensorSlot");
  py::class_<StepPlan>(m, "StepPlan")
      .def("call", &StepPlan::call, py::arg("args"), py::arg("kwargs"))
      .def("unlike", [](const StepPlan& a, const StepPlan& b) { return a.graph->unlike(*b.graph); })
      .def("finish", [](StepPlan& plan) { with_c10_errors([&] { plan.graph->finish(); }); })
      .def("describe", [](const StepPlan& plan) { return plan.graph->describe(); })
      .def_property_readonly("misfit", &StepPlan::misfit)
      .def_property_readonly("nodes", [](const StepPlan& plan) { return plan.graph->num_nodes(); })
      .def_property_readonly("launches", [](const StepPlan& plan) { return plan.graph->num_launches(); })
      .def_property_readonly("bytes", [](const StepPlan& plan) { return plan.graph->slab_bytes(); })
      .def_readonly("runs", &StepPlan::runs);
  py::class_<StepCapture>(m, "StepCapture")
      .def(py::init<const std::vector<py::object>&, const std::vector<py::object>&, const std::vector<py::object>&>(),
           py::arg("tensors"), py::arg("numbers"), py::arg("parameters"))
      .def("refuse", &StepCapture::refuse)
      .def("drop", &StepCapture::drop)
      .def("finish", &StepCapture::finish)
      .def_property_readonly("reason", &StepCapture::reason);
  m.def("capturing", [] { return capturing(); });
}

}  // namespace hologram
