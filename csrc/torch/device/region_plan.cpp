#include "torch/device/region_plan.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_strided.h>
#include <pybind11/stl.h>
#include <torch/csrc/autograd/python_variable.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bindings/graph_program.h"
#include "bindings/harden.h"
#include "torch/aten/core/common.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/generator.h"
#include "torch/device/step_capture.h"
#include "torch/device/step_plan.h"
#include "torch/device/threads.h"

namespace py = pybind11;

namespace hologram {
namespace {

using aten::is_hologram;

/// A tensor in memory that others may share: what counts changes of it is shared, too.
at::Tensor tensor_in(const Geometry& geometry, c10::Storage storage, const at::Tensor* sharing) {
  at::Tensor t = geometry.tensor(std::move(storage));
  if (sharing && !sharing->is_inference() && !t.is_inference())
    t.unsafeGetTensorImpl()->set_version_counter(sharing->unsafeGetTensorImpl()->version_counter());
  return t;
}

struct Argument {
  enum class Kind : uint8_t { Tensor, Number, Empty, Value } kind;
  Geometry geometry;
  int place = -1;       // Tensor: of its memory in RegionPlan::places
  std::string bytes;    // Number: of the CPU's; it is part of what a plan matches
  py::object value;
};

/// Memory of arguments. Those that shared it share it each time; others have memory of their own wherever it is written.
struct Place {
  int memory;           // of the graph; -1 where nothing uses it
  bool written = false;
  const void* address = nullptr;   // of the last call
};

struct Result {
  enum class Kind : uint8_t { New, Argument, Itself, Empty, Value } kind;
  Geometry geometry;
  int number = -1;      // New: of RegionPlan::fresh; Argument, Itself: of the argument
  py::object value;
};

class RegionPlan {
 public:
  explicit RegionPlan(const Modes& now) : modes(now) {}

  std::unique_ptr<Graph> graph;
  const Modes modes;
  std::vector<Argument> arguments;
  std::vector<Place> places;
  std::vector<Result> results;
  std::vector<FreshMemory> fresh;
  std::vector<size_t> written;   // arguments whose memory it writes
  uint64_t runs = 0;

  /// `given`: a list or a tuple. A tuple; NotImplemented where the plan does not fit.
  py::object call(PyObject* given);

 private:
  /// What a call gives, and what it has made.
  struct Call {
    c10::SmallVector<const at::Tensor*, 32> tensors;   // null for a value
    c10::SmallVector<const void*, 32> addresses;       // of the places
    c10::SmallVector<c10::Storage, 8> storages;        // of fresh
    c10::SmallVector<at::Tensor, 8> made;              // the first tensor in each
  };
  bool match(PyObject* given, Call& call) const;
  bool place_arguments(const Call& call);
  py::object result(const Result& r, PyObject* given, Call& call) const;

  std::recursive_mutex running_;
};

// ---- running ----

bool RegionPlan::match(PyObject* given, Call& call) const {
  const size_t n = arguments.size();
  if ((!PyList_Check(given) && !PyTuple_Check(given)) || static_cast<size_t>(PySequence_Fast_GET_SIZE(given)) != n) return false;
  call.tensors.assign(n, nullptr);
  call.addresses.assign(places.size(), nullptr);
  for (size_t i = 0; i < n; ++i) {
    const Argument& expected = arguments[i];
    PyObject* const object = PySequence_Fast_GET_ITEM(given, static_cast<Py_ssize_t>(i));
    if (expected.kind == Argument::Kind::Value) {
      if (!same_object(object, expected.value.ptr())) return false;
      continue;
    }
    if (!THPVariable_Check(object)) return false;
    const at::Tensor& t = THPVariable_Unpack(object);
    if (t.unsafeGetTensorImpl()->is_python_dispatch() || !t.has_storage() || !expected.geometry.matches(t) || t.is_conj() ||
        t.is_neg())
      return false;
    call.tensors[i] = &t;
    if (expected.kind == Argument::Kind::Number) {
      if (std::memcmp(t.const_data_ptr(), expected.bytes.data(), expected.bytes.size()) != 0) return false;
    } else if (expected.kind == Argument::Kind::Tensor) {
      const void*& address = call.addresses[static_cast<size_t>(expected.place)];
      const void* const data = t.storage().data();
      if (address) {
        if (address != data) return false;
        continue;
      }
      if (!t.is_cpu()) {
        const Block* const block = block_of(t.storage().data_ptr());
        if (!block || block->queue != modes.queue) return false;
      }
      address = data;
    }
  }
  return true;
}

/// What is written must be no other argument's memory. Where memory has not moved since the last call that is known.
bool RegionPlan::place_arguments(const Call& call) {
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i].address == call.addresses[i]) continue;
    for (size_t j = 0; j < places.size(); ++j)
      if (j != i && call.addresses[j] == call.addresses[i] && (places[i].written || places[j].written)) {
        for (Place& place : places) place.address = nullptr;
        return false;
      }
    places[i].address = call.addresses[i];
  }
  for (const Place& place : places)
    if (place.memory >= 0) graph->place(place.memory, static_cast<char*>(const_cast<void*>(place.address)));
  return true;
}

py::object RegionPlan::result(const Result& r, PyObject* given, Call& call) const {
  const auto wrap = [](at::Tensor t) { return py::reinterpret_steal<py::object>(THPVariable_Wrap(std::move(t))); };
  switch (r.kind) {
    case Result::Kind::Value: return r.value;
    case Result::Kind::Itself: return py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(given, r.number));
    case Result::Kind::Argument: {
      const at::Tensor& argument = *call.tensors[static_cast<size_t>(r.number)];
      return wrap(tensor_in(r.geometry, argument.storage(), &argument));
    }
    case Result::Kind::Empty:
      return wrap(at::empty_strided(r.geometry.sizes, r.geometry.strides,
                                    at::TensorOptions().dtype(r.geometry.type).device(r.geometry.device)));
    case Result::Kind::New: break;
  }
  at::Tensor& first = call.made[static_cast<size_t>(r.number)];
  at::Tensor t = tensor_in(r.geometry, call.storages[static_cast<size_t>(r.number)], first.defined() ? &first : nullptr);
  if (!first.defined()) first = t;
  return wrap(std::move(t));
}

py::object RegionPlan::call(PyObject* given) {
  const auto not_implemented = [] { return py::reinterpret_borrow<py::object>(Py_NotImplemented); };
  const auto alone = bindings::alone_with(running_);
  Call call;
  if (!graph->is_ready() || capturing() || !match(given, call) || !(Modes::now() == modes) || !place_arguments(call))
    return not_implemented();

  call.storages = prepare_run(*graph, fresh);
  call.made.resize(fresh.size());
  run_graph(*graph);
  for (const size_t i : written)
    if (!call.tensors[i]->is_inference()) call.tensors[i]->unsafeGetTensorImpl()->bump_version();
  ++runs;
  py::tuple out(results.size());
  for (size_t i = 0; i < results.size(); ++i) out[i] = result(results[i], given, call);
  return out;
}

// ---- making one ----

bool is_number(const at::Tensor& t) { return t.is_cpu() && t.numel() == 1; }

class RegionCapture {
 public:
  explicit RegionCapture(const py::sequence& arguments) {
    begin_capture(capture_, "hologram.compile");
    plan_ = std::make_unique<RegionPlan>(Modes::now());
    for (const py::handle object : arguments) add(object);
  }

  void refuse(const std::string& reason) {
    if (capture_) capture_->refuse(reason);
  }
  /// Ends it, without a plan.
  void drop() { capture_.reset(); }
  /// None where it was refused.
  py::object finish(const py::sequence& results, const std::vector<py::object>& constants);
  const std::string& reason() const { return reason_; }

 private:
  void add(py::handle object);
  int place_of(const at::Tensor& t);
  Result result(py::handle object);

  std::optional<Capture> capture_;
  std::unique_ptr<RegionPlan> plan_;
  std::vector<at::Tensor> tensors_;        // the arguments; undefined for a value
  std::vector<uint32_t> versions_;
  std::vector<const void*> addresses_;     // of the plan's places
  std::string reason_;
};

int RegionCapture::place_of(const at::Tensor& t) {
  const void* const data = t.storage().data();
  const auto known = std::find(addresses_.begin(), addresses_.end(), data);
  if (known != addresses_.end()) return static_cast<int>(known - addresses_.begin());
  int memory = -1;
  if (!is_hologram(t)) {
    memory = capture_->give_host(data, t.storage().nbytes());
  } else if (Block* block = aten::block_of(t)) {
    if (block->queue != plan_->modes.queue) capture_->refuse("an argument lies on another backend");
    memory = capture_->give(*block);
  } else {
    capture_->refuse("an argument has no memory");
  }
  addresses_.push_back(data);
  plan_->places.push_back({memory});
  return static_cast<int>(plan_->places.size()) - 1;
}

void RegionCapture::add(py::handle object) {
  Argument argument{Argument::Kind::Value, {}, -1, {}, {}};
  tensors_.emplace_back();
  versions_.push_back(0);
  if (!THPVariable_Check(object.ptr())) {
    argument.value = py::reinterpret_borrow<py::object>(object);
  } else {
    const at::Tensor& t = tensor_of(object);
    tensors_.back() = t;
    if (t.is_cpu() && !t.is_inference()) versions_.back() = t._version();
    const bool plain = t.has_storage() && t.layout() == c10::kStrided && !t.is_quantized() && !t.is_conj() && !t.is_neg() &&
                       !t.unsafeGetTensorImpl()->is_python_dispatch() && (t.is_cpu() || is_hologram(t));
    if (!plain) {
      capture_->refuse("an argument is sparse, nested, quantized, a lazy view or of another device");
    } else {
      argument.geometry = Geometry(t);
      if (is_number(t)) {
        argument.kind = Argument::Kind::Number;
        argument.bytes.assign(static_cast<const char*>(t.const_data_ptr()), t.nbytes());
        capture_->allow_constant(t.const_data_ptr());
      } else if (t.numel() == 0) {
        argument.kind = Argument::Kind::Empty;
      } else {
        argument.kind = Argument::Kind::Tensor;
        argument.place = place_of(t);
      }
    }
  }
  plan_->arguments.push_back(std::move(argument));
}

Result RegionCapture::result(py::handle object) {
  Result r{Result::Kind::Value, {}, -1, {}};
  if (!THPVariable_Check(object.ptr())) {
    r.value = py::reinterpret_borrow<py::object>(object);
    return r;
  }
  const at::Tensor& t = tensor_of(object);
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_[i].defined() && tensors_[i].is_same(t)) {
      r.kind = Result::Kind::Itself;
      r.number = static_cast<int>(i);
      return r;
    }
  if (!is_hologram(t) || !t.has_storage() || t.layout() != c10::kStrided || t.is_conj() || t.is_neg() ||
      t.unsafeGetTensorImpl()->is_python_dispatch()) {
    capture_->refuse("a result is no plain tensor of the device");
    return r;
  }
  r.geometry = Geometry(t);
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_[i].defined() && tensors_[i].is_alias_of(t)) {
      r.kind = Result::Kind::Argument;
      r.number = static_cast<int>(i);
      return r;
    }
  Block* const block = hologram::block_of(t.storage().data_ptr());
  if (!block) {
    r.kind = Result::Kind::Empty;
    if (t.numel()) capture_->refuse("a result has no memory");
    return r;
  }
  const int memory = capture_->result(*block);
  if (!capture_->made(memory)) {   // a constant of the region
    r.value = py::reinterpret_borrow<py::object>(object);
    return r;
  }
  auto& fresh = plan_->fresh;
  const auto known = std::find_if(fresh.begin(), fresh.end(), [&](const FreshMemory& f) { return f.memory == memory; });
  r.kind = Result::Kind::New;
  r.number = static_cast<int>(known - fresh.begin());
  if (known == fresh.end()) fresh.push_back({memory, block->bytes});
  return r;
}

py::object RegionCapture::finish(const py::sequence& results, const std::vector<py::object>& constants) {
  TORCH_CHECK(capture_, "hologram.compile: the capture has ended.");
  with_c10_errors([&] { default_queue().stream().flush(Reason::Library); });
  for (const py::handle object : results) plan_->results.push_back(result(object));
  std::vector<int> known;
  for (const py::object& object : constants) {
    const at::Tensor& t = tensor_of(object);
    if (Block* const block = is_hologram(t) && t.has_storage() ? hologram::block_of(t.storage().data_ptr()) : nullptr)
      known.push_back(capture_->number_of(*block));
  }
  capture_->check_owners(known);
  for (Place& place : plan_->places) place.written = place.memory >= 0 && capture_->is_written(place.memory);
  for (size_t i = 0; i < plan_->arguments.size(); ++i) {
    const Argument& argument = plan_->arguments[i];
    const bool written = argument.kind == Argument::Kind::Tensor && plan_->places[static_cast<size_t>(argument.place)].written;
    if (written) plan_->written.push_back(i);
    if (const at::Tensor& t = tensors_[i];
        t.defined() && t.is_cpu() && (written || (!t.is_inference() && t._version() != versions_[i])))
      capture_->refuse("it writes a tensor of the CPU");
  }
  tensors_.clear();
  plan_->graph = end_capture(capture_, reason_);
  return plan_->graph ? py::cast(std::move(plan_)) : py::none();
}

}  // namespace

void bind_region_plans(py::module_& m) {
  py::class_<RegionPlan>(m, "RegionPlan")
      .def(
          "call", [](RegionPlan& plan, py::handle args) { return plan.call(args.ptr()); }, py::arg("args"))
      .def("unlike", [](const RegionPlan& a, const RegionPlan& b) { return a.graph->unlike(*b.graph); })
      .def("finish", [](RegionPlan& plan) { with_c10_errors([&] { plan.graph->finish(); }); })
      .def_property_readonly("nodes", [](const RegionPlan& plan) { return plan.graph->num_nodes(); })
      .def_property_readonly("launches", [](const RegionPlan& plan) { return plan.graph->num_launches(); })
      .def_property_readonly("bytes", [](const RegionPlan& plan) { return plan.graph->slab_bytes(); })
      .def_readonly("runs", &RegionPlan::runs);
  py::class_<RegionCapture>(m, "RegionCapture")
      .def(py::init<const py::sequence&>(), py::arg("args"))
      .def("refuse", &RegionCapture::refuse, py::arg("reason"))
      .def("drop", &RegionCapture::drop)
      .def("finish", &RegionCapture::finish, py::arg("results"), py::arg("constants"))
      .def_property_readonly("reason", &RegionCapture::reason);
  bindings::harden<RegionPlan>(m, "RegionPlan", "hologram.RegionPlan: it was never initialised. See torch.compile.");
  bindings::harden<RegionCapture>(m, "RegionCapture", "hologram.RegionCapture: it was never initialised. See torch.compile.");
}

}  // namespace hologram
