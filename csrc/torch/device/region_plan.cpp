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
#include "runtime/trace/poison.h"
#include "torch/aten/core/common.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/generator.h"
#include "torch/device/step_capture.h"
#include "torch/device/threads.h"

namespace py = pybind11;

namespace hologram {

using aten::is_hologram;

namespace {

/// A tensor in memory that others may share: what counts changes of it is shared, too.
at::Tensor tensor_in(const Geometry& geometry, c10::Storage storage, const at::Tensor* sharing) {
  at::Tensor t = geometry.tensor(std::move(storage));
  if (sharing && !sharing->is_inference() && !t.is_inference())
    t.unsafeGetTensorImpl()->set_version_counter(sharing->unsafeGetTensorImpl()->version_counter());
  return t;
}

}  // namespace

// ---- running ----

bool RegionPlan::match(Call& call) const {
  const size_t n = arguments.size();
  const Given& given = call.given;
  if (given.size != n) return false;
  call.tensors.assign(n, nullptr);
  call.addresses.assign(places.size(), nullptr);
  for (size_t i = 0; i < n; ++i) {
    const Argument& expected = arguments[i];
    if (expected.kind == Argument::Kind::Value) {
      if (!given.objects || !same_object(given.objects[i], expected.value.ptr())) return false;
      continue;
    }
    if (given.objects ? !THPVariable_Check(given.objects[i]) : !given.tensors[i].defined()) return false;
    const at::Tensor& t = given.objects ? THPVariable_Unpack(given.objects[i]) : given.tensors[i];
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

at::Tensor RegionPlan::tensor(size_t number, Call& call) const {
  const Result& r = results[number];
  switch (r.kind) {
    case Result::Kind::Value: return THPVariable_Check(r.value.ptr()) ? THPVariable_Unpack(r.value.ptr()) : at::Tensor();
    case Result::Kind::Itself: return *call.tensors[static_cast<size_t>(r.number)];
    case Result::Kind::Argument: {
      const at::Tensor& argument = *call.tensors[static_cast<size_t>(r.number)];
      return tensor_in(r.geometry, argument.storage(), &argument);
    }
    case Result::Kind::Empty:
      return at::empty_strided(r.geometry.sizes, r.geometry.strides,
                               at::TensorOptions().dtype(r.geometry.type).device(r.geometry.device));
    case Result::Kind::New: break;
  }
  at::Tensor& first = call.made[static_cast<size_t>(r.number)];
  at::Tensor t = tensor_in(r.geometry, call.storages[static_cast<size_t>(r.number)], first.defined() ? &first : nullptr);
  if (!first.defined()) first = t;
  return t;
}

py::object RegionPlan::object(size_t number, Call& call) const {
  const Result& r = results[number];
  if (r.kind == Result::Kind::Value) return r.value;
  if (r.kind == Result::Kind::Itself && call.given.objects) return py::reinterpret_borrow<py::object>(call.given.objects[r.number]);
  return py::reinterpret_steal<py::object>(THPVariable_Wrap(tensor(number, call)));
}

bool RegionPlan::run(Call& call) {
  const auto alone = bindings::alone_with(running_);
  if (!graph->is_ready() || capturing() || !match(call) || !(Modes::now() == modes) || !place_arguments(call)) return false;

  call.storages = prepare_run(*graph, fresh);
  call.made.resize(fresh.size());
  if (any_poisoned()) return false;   // a value was lost to an error: op by op it is told which
  WrittenMemory memory;
  for (const size_t i : written) memory.add(*call.tensors[i]);
  run_graph(*graph, memory);
  for (const size_t i : written)
    if (!call.tensors[i]->is_inference()) call.tensors[i]->unsafeGetTensorImpl()->bump_version();
  ++runs;
  return true;
}

// ---- making one ----

namespace {

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
  RegionPlan::Result result(py::handle object);

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
  using Argument = RegionPlan::Argument;
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

RegionPlan::Result RegionCapture::result(py::handle object) {
  using Result = RegionPlan::Result;
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
  for (RegionPlan::Place& place : plan_->places) place.written = place.memory >= 0 && capture_->is_written(place.memory);
  for (size_t i = 0; i < plan_->arguments.size(); ++i) {
    const RegionPlan::Argument& argument = plan_->arguments[i];
    const bool written =
        argument.kind == RegionPlan::Argument::Kind::Tensor && plan_->places[static_cast<size_t>(argument.place)].written;
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
