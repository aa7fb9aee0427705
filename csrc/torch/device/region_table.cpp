#include "torch/device/region_table.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_strided.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <pybind11/stl.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/PyInterpreter.h>
#include <torch/csrc/autograd/forward_grad.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/basic_ops.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/harden.h"
#include "torch/device/plan_table.h"
#include "torch/device/region_plan.h"
#include "torch/device/traced_pass.h"
#include "torch/torch_version.h"

namespace py = pybind11;

namespace hologram {
namespace {

using torch::autograd::variable_list;
using Tensors = c10::SmallVector<at::Tensor, 16>;

PyTypeObject* plan_type = nullptr;

/// The base of Region: a call goes to the first plan that fits, else to the method `_run`, which takes a list.
struct RegionTable {
  explicit RegionTable(bool takes_list) : boxed(takes_list) {}
  const bool boxed;   // it is called with a list, which it empties
  py::object plans = py::list();
  template <class Visit>
  void each(Visit&& visit) {
    visit(plans);
  }
};

PyObject* run_as_it_is(PyObject* region, PyObject* list) {
  static PyObject* const name = PyUnicode_InternFromString("_run");
  return PyObject_CallMethodOneArg(region, name, list);
}

PyObject* call_region(PyObject* self, PyObject* args, PyObject* kwargs) {
  HANDLE_TH_ERRORS
  const RegionTable* const table = value_of<RegionTable>(self);
  const bool boxed = table && table->boxed;
  PyObject* given = args;
  if (boxed) {
    given = PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : nullptr;
    TORCH_CHECK_TYPE(given && PyList_CheckExact(given), "hologram.compile: this region is called with a list of arguments.");
  }
  TORCH_CHECK_TYPE(!kwargs || !PyDict_GET_SIZE(kwargs), "hologram.compile: a region takes no keyword arguments.");
  if (table && table->plans) {
    RegionPlan::Call call(RegionPlan::Given::of(given));
    py::tuple results;
    const auto run = [&](RegionPlan& plan) {
      if (!plan.run(call)) return false;
      results = py::tuple(plan.results.size());
      for (size_t i = 0; i < plan.results.size(); ++i) results[i] = plan.object(i, call);
      return true;
    };
    const py::object plans = table->plans;
    if (run_first<RegionPlan>(plans.ptr(), plan_type, run)) {
      if (boxed) PyList_SetSlice(given, 0, PyList_GET_SIZE(given), nullptr);
      return results.release().ptr();
    }
  }
  const auto list = boxed ? py::reinterpret_borrow<py::object>(given) : py::reinterpret_steal<py::object>(PySequence_List(given));
  return list ? run_as_it_is(self, list.ptr()) : nullptr;
  END_HANDLE_TH_ERRORS
}

/// The results of a region; undefined where they are no tensors. The tensors in `given` are let go where the region runs as it is.
Tensors run_region(PyObject* region, RegionPlan::Given given, c10::SmallVectorImpl<at::Tensor>* owned = nullptr) {
  Tensors results;
  RegionTable* const table = value_of<RegionTable>(region);
  TORCH_CHECK(table && table->plans, "hologram.compile: the region is gone.");
  RegionPlan::Call call(given);
  const auto run = [&](RegionPlan& plan) {
    if (!plan.run(call)) return false;
    for (size_t i = 0; i < plan.results.size(); ++i) results.push_back(plan.tensor(i, call));
    return true;
  };
  const py::object plans = table->plans;
  if (run_first<RegionPlan>(plans.ptr(), plan_type, run)) return results;
  py::list list(given.size);
  for (size_t i = 0; i < given.size; ++i)
    list[i] = given.objects ? py::reinterpret_borrow<py::object>(given.objects[i])
                            : py::reinterpret_steal<py::object>(THPVariable_Wrap(given.tensors[i]));
  if (owned) owned->clear();
  const auto returned = py::reinterpret_steal<py::object>(run_as_it_is(region, list.ptr()));
  if (!returned) throw py::error_already_set();
  for (const py::handle object : py::reinterpret_borrow<py::sequence>(returned))
    results.push_back(THPVariable_Check(object.ptr()) ? THPVariable_Unpack(object.ptr()) : at::Tensor());
  return results;
}

// ---- with gradients ----

/// What AOTAutograd says about a pair of graphs. Forward results are `differentiable.size()` results and what backward wants, in this
/// order; the last `unchecked` of it may be written in between. Backward wants it back, and the gradients.
struct Pair {
  std::vector<bool> differentiable;
  std::vector<std::vector<int64_t>> strides;  // of the gradients that backward was traced for: of differentiable results, in order
  size_t unchecked = 0;
};

/// A view may hold the node that is to hold it: its memory and versions in a tensor of its own.
at::Tensor no_view(at::Tensor t) {
  if (!t.defined() || !t.is_view()) return t;
  auto* const impl = t.unsafeGetTensorImpl();
  return at::Tensor(impl->shallow_copy_and_detach(impl->version_counter(), /*allow_tensor_metadata_change=*/false));
}

/// Autograd's node of a compiled region, named like AOTAutograd's.
struct CompiledFunctionBackward : torch::autograd::Node {
  CompiledFunctionBackward(PyObject* region, std::shared_ptr<const Pair> graphs) : pair(std::move(graphs)) {
    Py_INCREF(region);
    backward = std::make_shared<c10::SafePyObject>(region, getPyInterpreter());
  }

  std::string name() const override { return "CompiledFunctionBackward"; }

  void save(c10::ArrayRef<at::Tensor> tensors) {
    const size_t checked = tensors.size() - pair->unchecked;
    for (size_t i = 0; i < checked; ++i) saved.emplace_back(no_view(tensors[i]), /*is_output=*/false);
    for (size_t i = checked; i < tensors.size(); ++i) others.push_back(no_view(tensors[i]));
  }

  void release_variables() override {
    saved.clear();
    others.clear();
    released = true;
  }

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(!released, torch::autograd::ERR_BACKWARD_TWICE);
    Tensors given;
    for (const auto& variable : saved) given.push_back(variable.unpack());
    for (const at::Tensor& t : others) given.push_back(t);
    return run(*backward, given, std::move(gradients), [&](at::Tensor gradient, size_t i) {
      return laid_out(std::move(gradient), pair->strides[i], [&] { return TracedGradient(*this, i); });
    });
  }

  void compiled_args(torch::dynamo::autograd::CompiledNodeArgs& args) const override {
    TORCH_CHECK(!released, torch::autograd::ERR_BACKWARD_TWICE);
    args.collect(name());
    args.collect(static_cast<uint64_t>(reinterpret_cast<uintptr_t>(backward->ptr(getPyInterpreter()))));
    args.collect(saved, /*is_output=*/false);
    args.collect(others);
    for (size_t i = 0; i < num_inputs(); ++i)
      for (const auto& size : input_metadata(i).shape_as_dim_vector()) args.collect(static_cast<uint64_t>(size.expect_int()));
  }

  variable_list apply_with_saved(const variable_list& gradients, torch::dynamo::autograd::SwapSavedVariables& swapped) override {
    swapped.before(saved);
    swapped.before(others);
    variable_list tensors;
    for (const auto& variable : saved) tensors.push_back(variable.unpack());
    tensors.insert(tensors.end(), others.begin(), others.end());
    std::vector<TracedGradient> traced;
    for (size_t i = 0; i < gradients.size(); ++i) traced.emplace_back(*this, i);
    const auto call = [region = backward, traced](const variable_list& values, const variable_list& kept) {
      Tensors given(kept.begin(), kept.end());
      return run(*region, given, variable_list(values), [&](at::Tensor gradient, size_t i) {
        return laid_out(std::move(gradient), traced[i].strides, [&] { return traced[i]; });
      });
    };
    variable_list results = call_in_traced_pass(*this, gradients, swapped, tensors, call);
    swapped.after(saved);
    swapped.after(others);
    return results;
  }

  static bool autocasts() {
    const auto excluded = c10::impl::tls_local_dispatch_key_set().excluded_;
    return (excluded & c10::autocast_dispatch_keyset) != c10::autocast_dispatch_keyset;
  }

 private:
  /// What backward was traced for.
  struct TracedGradient {
    TracedGradient(const CompiledFunctionBackward& node, size_t number)
        : sizes(C10_AS_INTARRAYREF_SLOW(node.input_metadata(number).shape_as_dim_vector()).vec()),
          strides(node.pair->strides[number]),
          options(node.input_metadata(number).options()) {}
    std::vector<int64_t> sizes, strides;
    at::TensorOptions options;
  };

  template <class Like>
  static at::Tensor laid_out(at::Tensor gradient, c10::IntArrayRef strides, Like&& like) {
    if (gradient.defined() && gradient.strides() == strides) return gradient;
    const TracedGradient traced = like();
    at::Tensor t = at::empty_strided(traced.sizes, traced.strides, traced.options);
    return gradient.defined() ? t.copy_(gradient) : t.zero_();
  }

  template <class AsTraced>
  static variable_list run(const c10::SafePyObject& region, Tensors& given, variable_list&& gradients, AsTraced&& as_traced) {
    const bool differentiable = at::GradMode::is_enabled();
    const py::gil_scoped_acquire gil;
    at::AutoGradMode no_grad(false);
    std::optional<c10::impl::ExcludeDispatchKeyGuard> no_autocast;
    if (autocasts()) no_autocast.emplace(c10::autocast_dispatch_keyset);
    for (size_t i = 0; i < gradients.size(); ++i) given.push_back(as_traced(std::move(gradients[i]), i));
    const Tensors results = run_region(region.ptr(getPyInterpreter()), RegionPlan::Given::of(given), &given);
    if (differentiable) refuse_second_pass(results);
    return {results.begin(), results.end()};
  }

  static void refuse_second_pass(const Tensors& results) {
    static constexpr const char* kText = "torch.compile with aot_autograd does not currently support double backward";
#if HOLOGRAM_TORCH_AT_LEAST(2, 13)
    const auto node = c10::make_intrusive<torch::autograd::Error>(kText);
#else
    const std::shared_ptr<torch::autograd::Error> node(new torch::autograd::Error(kText), torch::autograd::deleteNode);
#endif
    for (const at::Tensor& t : results)
      if (t.defined() && !t.requires_grad() && torch::autograd::isDifferentiableType(t.scalar_type()))
        torch::autograd::set_history(t, node);
  }

  std::shared_ptr<const c10::SafePyObject> backward;
  const std::shared_ptr<const Pair> pair;
  std::vector<torch::autograd::SavedVariable> saved;
  std::vector<at::Tensor> others;
  bool released = false;
};

auto new_node(PyObject* backward, const std::shared_ptr<const Pair>& pair) {
#if HOLOGRAM_TORCH_AT_LEAST(2, 13)
  return c10::make_intrusive<CompiledFunctionBackward>(backward, pair);
#else
  return std::shared_ptr<CompiledFunctionBackward>(new CompiledFunctionBackward(backward, pair), torch::autograd::deleteNode);
#endif
}

/// The base of Trained. Where there is no pair of regions, or more than autograd looks on, it is its attribute `general` that is called.
struct TrainedRegion {
  explicit TrainedRegion(py::object module) : compiled_autograd(std::move(module)) {}
  py::object compiled_autograd;  // a module
  py::object forward, backward;  // Regions
  std::shared_ptr<const Pair> pair;
  template <class Visit>
  void each(Visit&& visit) {
    for (py::object* o : {&compiled_autograd, &forward, &backward}) visit(*o);
  }

  bool is_plain() const {
    if (!forward || !backward || CompiledFunctionBackward::autocasts()) return false;
    if (c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::FuncTorchDynamicLayerFrontMode) ||  // torch.func transforms
        torch::autograd::ForwardADLevel::try_get_by_idx(0))
      return false;
    static PyObject* const name = PyUnicode_InternFromString("compiled_autograd_enabled");
    const auto enabled = py::reinterpret_steal<py::object>(PyObject_GetAttr(compiled_autograd.ptr(), name));
    if (!enabled) throw py::error_already_set();
    return enabled.ptr() == Py_False;
  }

  py::object call(PyObject* args) const {
    const auto given = RegionPlan::Given::of(args);
    Tensors results;
    {
      at::AutoGradMode no_grad(false);
      results = run_region(forward.ptr(), given);
    }
    const size_t count = pair->differentiable.size();
    TORCH_CHECK(results.size() >= count + pair->unchecked, "hologram.compile: the region gives ", results.size(), " results.");
    torch::autograd::edge_list edges(given.size);
    bool needed = false;
    if (at::GradMode::is_enabled())
      for (size_t i = 0; i < given.size; ++i) {
        if (!THPVariable_Check(given.objects[i])) continue;
        const at::Tensor& t = THPVariable_Unpack(given.objects[i]);
        if (!t.requires_grad()) continue;
        edges[i] = torch::autograd::impl::gradient_edge(t);
        needed = true;
      }
    for (size_t i = 0; i < count; ++i) results[i] = no_view(std::move(results[i]));
    if (needed) {
      const auto node = new_node(backward.ptr(), pair);
      node->set_next_edges(std::move(edges));
      node->save(c10::ArrayRef<at::Tensor>(results).slice(count));
      for (size_t i = 0; i < count; ++i)
        if (pair->differentiable[i]) torch::autograd::set_history(results[i], node);
    }
    py::tuple out(count);
    for (size_t i = 0; i < count; ++i) out[i] = py::reinterpret_steal<py::object>(THPVariable_Wrap(std::move(results[i])));
    return out;
  }
};

PyObject* call_trained(PyObject* self, PyObject* args, PyObject* kwargs) {
  HANDLE_TH_ERRORS
  if (const TrainedRegion* const region = value_of<TrainedRegion>(self); region && !kwargs && region->is_plain())
    return region->call(args).release().ptr();
  static PyObject* const name = PyUnicode_InternFromString("general");
  const auto general = py::reinterpret_steal<py::object>(PyObject_GetAttr(self, name));
  return general ? PyObject_Call(general.ptr(), args, kwargs) : nullptr;
  END_HANDLE_TH_ERRORS
}

}  // namespace

void bind_region_tables(py::module_& m) {
  plan_type = reinterpret_cast<PyTypeObject*>(m.attr("RegionPlan").ptr());
  py::class_<RegionTable>(m, "RegionTable", collected<RegionTable>(&call_region))
      .def(py::init<bool>(), py::arg("boxed"))
      .def_property_readonly("_plans", [](const RegionTable& table) { return table.plans ? table.plans : py::list(); });
  py::class_<TrainedRegion>(m, "TrainedRegion", collected<TrainedRegion>(&call_trained))
      .def(py::init<py::object>(), py::arg("compiled_autograd"))
      .def(
          "_join",
          [](TrainedRegion& region, py::object forward, py::object backward, std::vector<bool> differentiable,
             std::vector<std::vector<int64_t>> strides, size_t unchecked) {
            TORCH_CHECK(py::isinstance<RegionTable>(forward) && py::isinstance<RegionTable>(backward),
                        "hologram.compile: two regions are joined.");
            const auto wanted = static_cast<size_t>(std::count(differentiable.begin(), differentiable.end(), true));
            TORCH_CHECK(strides.size() == wanted, "hologram.compile: ", wanted, " gradients need strides, not ", strides.size(),
                        ".");
            region.pair = std::make_shared<const Pair>(Pair{std::move(differentiable), std::move(strides), unchecked});
            region.forward = std::move(forward);
            region.backward = std::move(backward);
          },
          py::arg("forward"), py::arg("backward"), py::arg("differentiable"), py::arg("strides"), py::arg("unchecked"),
          "Makes one function of a forward and a backward region.");
  bindings::harden<RegionTable>(m, "RegionTable", "hologram.RegionTable: it was never initialised. Call __init__ first.");
  bindings::harden<TrainedRegion>(m, "TrainedRegion", "hologram.TrainedRegion: it was never initialised. Call __init__ first.");
}

}  // namespace hologram
