// LSTM, GRU and RNN, and their cells: a layer is one op with one node of autograd, where torch's composites are a dozen ops for
// each step.
//
// The composites stay what these ops are wherever their parts are asked for: where a mode or a tensor subclass looks on (tracers,
// torch.func, DTensor), in forward mode, for what is wrong (their checks and messages are torch's), for memory of other backends, and
// to differentiate a gradient, which computes the layer once more.
//
// A node keeps its inputs through handles of their own, and looks at one when its value is read: as on the CPU, a weight may get other
// memory while a graph lives, and a bias other values.
#include <ATen/TensorSubclassLikeUtils.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/gru_cell_native.h>
#include <ATen/ops/gru_cell_ops.h>
#include <ATen/ops/gru_native.h>
#include <ATen/ops/gru_ops.h>
#include <ATen/ops/lstm_cell_native.h>
#include <ATen/ops/lstm_cell_ops.h>
#include <ATen/ops/lstm_native.h>
#include <ATen/ops/lstm_ops.h>
#include <ATen/ops/rnn_relu_cell_native.h>
#include <ATen/ops/rnn_relu_cell_ops.h>
#include <ATen/ops/rnn_relu_native.h>
#include <ATen/ops/rnn_relu_ops.h>
#include <ATen/ops/rnn_tanh_cell_native.h>
#include <ATen/ops/rnn_tanh_cell_ops.h>
#include <ATen/ops/rnn_tanh_native.h>
#include <ATen/ops/rnn_tanh_ops.h>
#include <torch/csrc/autograd/FunctionsManual.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <array>
#include <limits>
#include <mutex>
#include <tuple>

#include "torch/aten/core/registration.h"
#include "torch/aten/core/saved_handle.h"
#include "torch/aten/ops/recurrent_layer.h"
#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/device/device.h"
#include "torch/device/traced_pass.h"

namespace hologram::aten {
namespace {

using at::Tensor;
using at::TensorList;
using torch::autograd::SavedVariable;
using torch::autograd::variable_list;
using Three = std::tuple<Tensor, Tensor, Tensor>;  // out, hy, cy

// ---- torch's composites ----

Three with_no_cell(std::tuple<Tensor, Tensor> results) {
  return {std::move(std::get<0>(results)), std::move(std::get<1>(results)), Tensor()};
}

/// What a call says beside its tensors.
struct Options {
  bool has_biases = true;
  int64_t layers = 1;
  double dropout = 0;
  bool train = false, bidirectional = false;
};

/// `batch_sizes`: of a packed sequence, else undefined.
Three composite(CellKind kind, const Tensor& x, const Tensor& batch_sizes, TensorList hx, TensorList params, const Options& o,
                bool batch_first) {
  const auto call = [&](auto padded, auto packed) {
    return with_no_cell(batch_sizes.defined()
                            ? packed(x, batch_sizes, hx[0], params, o.has_biases, o.layers, o.dropout, o.train, o.bidirectional)
                            : padded(x, hx[0], params, o.has_biases, o.layers, o.dropout, o.train, o.bidirectional, batch_first));
  };
  using Padded = std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, TensorList, bool, int64_t, double, bool, bool, bool);
  using Packed =
      std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, TensorList, bool, int64_t, double, bool, bool);
  switch (kind) {
    case CellKind::LSTM:
      return batch_sizes.defined()
                 ? at::native::lstm(x, batch_sizes, hx, params, o.has_biases, o.layers, o.dropout, o.train, o.bidirectional)
                 : at::native::lstm(x, hx, params, o.has_biases, o.layers, o.dropout, o.train, o.bidirectional, batch_first);
    case CellKind::GRU: return call(static_cast<Padded*>(at::native::gru), static_cast<Packed*>(at::native::gru));
    case CellKind::Tanh: return call(static_cast<Padded*>(at::native::rnn_tanh), static_cast<Packed*>(at::native::rnn_tanh));
    case CellKind::Relu: break;
  }
  return call(static_cast<Padded*>(at::native::rnn_relu), static_cast<Packed*>(at::native::rnn_relu));
}

using Bias = std::optional<Tensor>;

/// {undefined, hy, cy}
Three composite_cell(CellKind kind, const Tensor& x, TensorList hx, const Tensor& w_ih, const Tensor& w_hh, const Bias& b_ih,
                     const Bias& b_hh) {
  switch (kind) {
    case CellKind::LSTM: {
      auto [hy, cy] = at::native::lstm_cell(x, hx, w_ih, w_hh, b_ih, b_hh);
      return {Tensor(), hy, cy};
    }
    case CellKind::GRU: return {Tensor(), at::native::gru_cell(x, hx[0], w_ih, w_hh, b_ih, b_hh), Tensor()};
    case CellKind::Tanh: return {Tensor(), at::native::rnn_tanh_cell(x, hx[0], w_ih, w_hh, b_ih, b_hh), Tensor()};
    case CellKind::Relu: break;
  }
  return {Tensor(), at::native::rnn_relu_cell(x, hx[0], w_ih, w_hh, b_ih, b_hh), Tensor()};
}

// ---- one layer under autograd ----

/// The CPU multiplies views of inputs and weights, but for inputs of two dimensions.
SavedVariable kept_input(const Tensor& t, bool as_it_is = false) {
  return SavedVariable(as_it_is || !t.defined() || t.is_inference() ? t : handle_of(t), /*is_output=*/false);
}

struct RecurrentBackward : torch::autograd::Node {
  RecurrentLayer layer;
  bool is_cell = false;
  Tensor batch_sizes;
  std::vector<int64_t> sizes_x, sizes_h;
  SavedVariable x, h0, c0;
  std::vector<SavedVariable> weights;
  std::vector<std::array<SavedVariable, kKeptTensors>> kept;

  /// Edges: of x, h0, c0, the weights. Gradients: of out, hy, cy.
  static constexpr size_t kFirstWeight = 3;
  /// Of a call in a traced pass: which gradients are wanted. Else empty, and autograd says it.
  std::vector<bool> wanted_outputs;

  template <class Visit>
  void each_saved(Visit&& visit) {
    for (SavedVariable* saved : {&x, &h0, &c0}) visit(*saved);
    for (SavedVariable& saved : weights) visit(saved);
    for (auto& of_direction : kept)
      for (SavedVariable& saved : of_direction) visit(saved);
  }

  std::string name() const override {
    static constexpr const char* kNames[] = {"Lstm", "Gru", "RnnTanh", "RnnRelu"};
    return std::string(kNames[static_cast<int>(layer.kind)]) + (is_cell ? "Cell" : "Layer") + "Backward0";
  }
  void release_variables() override {
    std::lock_guard<std::mutex> lock(mutex_);
    each_saved([](SavedVariable& saved) { saved.reset_data(); });
  }
  void compiled_args(torch::dynamo::autograd::CompiledNodeArgs& args) const override {
    args.collect(name());
    for (const bool flag : {layer.has_biases, layer.is_projected}) args.collect(flag);
    for (const int64_t n : {layer.directions, layer.features, layer.hidden, layer.state, layer.steps.rows})
      args.collect(static_cast<uint64_t>(n));
    args.collect(layer.type);
    for (const std::vector<int64_t>* sizes : {&layer.steps.sizes, &sizes_x, &sizes_h}) {
      args.collect(static_cast<uint64_t>(sizes->size()));
      for (const int64_t n : *sizes) args.collect(static_cast<uint64_t>(n));
    }
    for (size_t i = 0; i < num_outputs(); ++i) args.collect(task_should_compute_output(i));
    args.collect(static_cast<uint64_t>(kept.size()));
    const_cast<RecurrentBackward*>(this)->each_saved([&](SavedVariable& saved) { args.collect(saved, /*is_output=*/false); });
  }
  variable_list apply_with_saved(const variable_list& grads, torch::dynamo::autograd::SwapSavedVariables& saved) override {
    each_saved([&](SavedVariable& variable) { saved.before(variable); });
    variable_list tensors;
    each_saved([&](SavedVariable& variable) { tensors.push_back(variable.unpack()); });
    std::vector<bool> should_compute;
    for (size_t i = 0; i < num_outputs(); ++i) should_compute.push_back(task_should_compute_output(i));
    const auto call = [layer = layer, is_cell = is_cell, sizes_x = sizes_x, sizes_h = sizes_h, num_weights = weights.size(),
                       num_kept = kept.size(), should_compute](const variable_list& given, const variable_list& values) {
      const auto node = new_node<RecurrentBackward>();
      node->layer = layer;
      node->is_cell = is_cell;
      node->sizes_x = sizes_x;
      node->sizes_h = sizes_h;
      node->weights.resize(num_weights);
      node->kept.resize(num_kept);
      node->wanted_outputs = should_compute;
      size_t next = 0;
      node->each_saved([&](SavedVariable& variable) { variable = SavedVariable(values[next++], /*is_output=*/false); });
      return node->apply(variable_list(given));
    };
    variable_list results = call_in_traced_pass(*this, grads, saved, tensors, call);
    each_saved([&](SavedVariable& variable) { saved.after(variable); });
    return results;
  }
  variable_list apply(variable_list&& grads) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!grads[0].defined() && !grads[1].defined() && !grads[2].defined()) return variable_list(kFirstWeight + weights.size());
    return at::GradMode::is_enabled() ? differentiable(grads) : computed(grads);
  }

 private:
  bool is_wanted(size_t output) const {
    return wanted_outputs.empty() ? task_should_compute_output(output) : wanted_outputs[output];
  }

  variable_list computed(const variable_list& grads) {
    WantedGradients wanted{is_wanted(0), is_wanted(1), is_wanted(2), {}};
    std::vector<Tensor> read(weights.size());
    bool reads_x = false, reads_h = false;
    const bool steps_back = wanted.h0 || layer.steps.sizes.size() > 1;
    for (size_t i = 0; i < weights.size(); ++i) {
      wanted.weights.push_back(is_wanted(kFirstWeight + i));
      const size_t which = i % static_cast<size_t>(layer.weights());
      reads_x |= which == 0 && wanted.weights.back();
      reads_h |= which == 1 && wanted.weights.back();
      const bool is_bias = layer.has_biases && (which == 2 || which == 3);
      if (which == 0 ? wanted.x : which == 1 ? steps_back : !is_bias) read[i] = weights[i].unpack();
    }
    // Of a layer the states are in what was kept, and only looked at: a gradient of states that have changed is refused, as on the CPU.
    const Tensor h = reads_h || (is_cell && layer.kind == CellKind::GRU) ? h0.unpack() : Tensor(), c = c0.unpack();
    std::vector<KeptSteps> steps(kept.size());
    for (size_t d = 0; d < kept.size(); ++d)
      for (size_t i = 0; i < kKeptTensors; ++i) *members(steps[d])[i] = kept[d][i].unpack();
    if (is_cell && h.defined()) steps[0].h_before = h.reshape({layer.steps.rows, layer.state});
    if (is_cell && c.defined()) steps[0].c_before = c.reshape({layer.steps.rows, layer.hidden});
    const at::AutoDispatchBelowADInplaceOrView below;
    const Tensor rows = reads_x ? x.unpack().reshape({layer.steps.rows, layer.features}) : Tensor();
    const auto flat = [&](const Tensor& t) { return t.defined() ? t.reshape({layer.steps.rows, t.size(-1)}) : t; };
    LayerGradients made = differentiate_layer(layer, rows, read, steps, flat(grads[0]), grads[1], grads[2], wanted);
    variable_list result(kFirstWeight + weights.size());
    if (made.x.defined()) result[0] = made.x.view(sizes_x);
    if (made.h0.defined()) result[1] = made.h0.view(sizes_h);
    if (made.c0.defined()) {
      sizes_h.back() = layer.hidden;
      result[2] = made.c0.view(sizes_h);
      sizes_h.back() = layer.state;
    }
    for (size_t i = 0; i < weights.size(); ++i) result[kFirstWeight + i] = std::move(made.weights[i]);
    return result;
  }

  /// The gradient as a function that can be differentiated: that of the composite, for which the layer is computed again.
  variable_list differentiable(const variable_list& grads) {
    const c10::impl::ExcludeDispatchKeyGuard as_then(c10::DispatchKey::AutocastPrivateUse1);  // the inputs are cast already
    // Tensors of their own: one that is two of the inputs has two gradients, and hooks of the inputs are not meant.
    const auto own = [](const SavedVariable& saved) {
      const Tensor t = saved.unpack();
      return t.defined() ? t.view_as(t) : t;
    };
    variable_list inputs{own(x), own(h0), own(c0)};
    for (const SavedVariable& saved : weights) inputs.push_back(own(saved));
    const TensorList all(inputs), params = all.slice(kFirstWeight), hx = all.slice(1, layer.kind == CellKind::LSTM ? 2 : 1);
    Options options;
    options.has_biases = layer.has_biases;
    options.bidirectional = layer.directions == 2;
    const auto bias = [&](size_t i) { return layer.has_biases ? Bias(params[i]) : Bias(); };
    const auto [out, hy, cy] = is_cell ? composite_cell(layer.kind, inputs[0], hx, params[0], params[1], bias(2), bias(3))
                                       : composite(layer.kind, inputs[0], batch_sizes, hx, params, options, /*batch_first=*/false);
    variable_list outputs, given, wanted;
    std::vector<size_t> places;
    size_t number = 0;
    for (const Tensor& t : {out, hy, cy}) {
      if (grads[number].defined()) {
        outputs.push_back(t);
        given.push_back(grads[number]);
      }
      ++number;
    }
    for (size_t i = 0; i < inputs.size(); ++i)
      if (is_wanted(i) && inputs[i].defined() && inputs[i].requires_grad()) {
        wanted.push_back(inputs[i]);
        places.push_back(i);
      }
    variable_list result(inputs.size());
    const variable_list made =
        torch::autograd::grad(outputs, wanted, given, /*retain_graph=*/true, /*create_graph=*/true, /*allow_unused=*/true);
    for (size_t i = 0; i < places.size(); ++i) result[places[i]] = made[i];
    return result;
  }
};

/// `h0` and `c0` are [directions, batch, ...], those of a cell [batch, ...].
Three run(RecurrentLayer layer, const Tensor& x, const Tensor& batch_sizes, const Tensor& h0, const Tensor& c0, TensorList weights,
          bool is_cell) {
  const bool differentiates = torch::autograd::compute_requires_grad(x, h0, c0, weights);
  LayerResult made;
  {
    const at::AutoDispatchBelowADInplaceOrView below;
    made = run_layer(layer, x.reshape({layer.steps.rows, layer.features}), h0, c0, weights, differentiates, !is_cell);
    if (!is_cell) {
      c10::SmallVector<int64_t, 3> sizes(x.sizes());
      sizes.back() = made.out.size(1);
      made.out = made.out.view(sizes);
    }
  }
  if (differentiates) {
    auto node = new_node<RecurrentBackward>();
    node->set_next_edges(torch::autograd::collect_next_edges(x, h0, c0, weights));
    node->is_cell = is_cell;
    node->batch_sizes = batch_sizes;
    node->sizes_x = x.sizes().vec();
    node->sizes_h = h0.sizes().vec();
    node->x = kept_input(x, is_cell);
    node->h0 = kept_input(h0, is_cell);
    node->c0 = kept_input(c0, is_cell);
    for (const Tensor& weight : weights) node->weights.push_back(kept_input(weight));
    for (KeptSteps& steps : made.kept) {
      auto& saved = node->kept.emplace_back();
      for (size_t i = 0; i < kKeptTensors; ++i) saved[i] = SavedVariable(*members(steps)[i], /*is_output=*/false);
    }
    node->layer = std::move(layer);
    for (const Tensor& result : {made.out, made.hy, made.cy}) torch::autograd::set_history(result, node);
  }
  return {std::move(made.out), std::move(made.hy), std::move(made.cy)};
}

// ---- which calls are served ----

/// Memory of the host, where new tensors lie too, that autograd knows all of; like `first`.
bool fits(const Tensor& t, const Tensor& first, at::IntArrayRef sizes) {
  return t.defined() && t.sizes() == sizes && t.scalar_type() == first.scalar_type() && is_hologram(t) &&
         t.device() == first.device() && t.layout() == c10::kStrided && !t.is_neg() && !t._is_zerotensor() &&
         reads_host_memory(t) && (C10_LIKELY(!several_queues()) || &home_queue(t) == &current_queue(first.device().index())) &&
         !torch::autograd::isFwGradDefined(t);
}

bool is_looked_at(const Tensor& x, TensorList hx, TensorList params) {
  return at::isTensorSubclassLike(x) || at::areAnyTensorSubclassLike(hx) || at::areAnyTensorSubclassLike(params);
}

bool is_served_type(const Tensor& x) {
  const auto type = x.scalar_type();
  return type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16;
}

/// Sizes of a layer's weights. All numbers must be some of BLAS.
bool weights_fit(const RecurrentLayer& l, TensorList weights, const Tensor& x) {
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  const int64_t columns = l.gates() * l.hidden;
  if (l.features < 1 || l.hidden < 1 || l.state < 1 || std::max({columns, l.features, l.state, l.steps.rows}) > kMost) return false;
  for (int64_t d = 0; d < l.directions; ++d) {
    const DirectionWeights w(l, weights, d);
    if (!fits(w.w_ih, x, {columns, l.features}) || !fits(w.w_hh, x, {columns, l.state})) return false;
    if (l.has_biases && (!fits(w.b_ih, x, {columns}) || !fits(w.b_hh, x, {columns}))) return false;
    if (l.is_projected && !fits(w.w_hr, x, {l.state, l.hidden})) return false;
  }
  return true;
}

/// The steps of a packed sequence; none where that is not what they are.
Steps packed_steps(const Tensor& batch_sizes, int64_t rows) {
  Steps steps;
  if (!batch_sizes.device().is_cpu() || batch_sizes.scalar_type() != at::kLong || batch_sizes.dim() != 1 ||
      at::isTensorSubclassLike(batch_sizes))
    return steps;
  const Tensor sizes = batch_sizes.contiguous();
  capture_values(sizes);
  const auto* const p = sizes.const_data_ptr<int64_t>();
  steps.sizes.assign(p, p + sizes.numel());
  for (size_t i = 0; i < steps.sizes.size(); ++i) {
    if (steps.sizes[i] < 1 || steps.sizes[i] > steps.batch() || (i && steps.sizes[i] > steps.sizes[i - 1])) return {};
    steps.rows += steps.sizes[i];
  }
  return steps.rows == rows ? steps : Steps();
}

/// The layers of a call, with sizes; none where the composite is to take it.
std::vector<RecurrentLayer> layers_of(CellKind kind, const Tensor& x, const Tensor& batch_sizes, TensorList hx, TensorList params,
                                      const Options& o) {
  const bool packed = batch_sizes.defined();
  if (!is_hologram(x) || is_looked_at(x, hx, params) || !is_served_type(x) || x.dim() != (packed ? 2 : 3) ||
      !fits(x, x, x.sizes()) || x.numel() == 0 || o.layers < 1 || hx.size() != (kind == CellKind::LSTM ? 2 : 1) ||
      hx[0].dim() != 3 || hx.back().dim() != 3)
    return {};
  RecurrentLayer layer{kind};
  layer.type = x.scalar_type();
  layer.has_biases = o.has_biases;
  layer.directions = o.bidirectional ? 2 : 1;
  layer.state = hx[0].size(2);
  layer.hidden = hx.back().size(2);
  layer.is_projected = layer.state != layer.hidden;
  if (packed) {
    layer.steps = packed_steps(batch_sizes, x.size(0));
    if (layer.steps.rows == 0) return {};
  } else {
    layer.steps.sizes.assign(static_cast<size_t>(x.size(0)), x.size(1));
    layer.steps.rows = x.size(0) * x.size(1);
  }
  const int64_t states = o.layers * layer.directions, weights = layer.directions * layer.weights();
  if (!fits(hx[0], x, {states, layer.batch(), layer.state}) || !fits(hx.back(), x, {states, layer.batch(), layer.hidden}) ||
      params.size() != static_cast<size_t>(o.layers * weights))
    return {};
  std::vector<RecurrentLayer> layers;
  for (int64_t l = 0; l < o.layers; ++l) {
    layer.features = l == 0 ? x.size(-1) : layer.directions * layer.state;
    if (!weights_fit(layer, params.slice(static_cast<size_t>(l * weights), static_cast<size_t>(weights)), x)) return {};
    layers.push_back(layer);
  }
  return layers;
}

Three sequence(CellKind kind, OpStat& stat, const Tensor& input, const Tensor& batch_sizes, TensorList hx, TensorList params,
               const Options& o, bool batch_first) {
  const bool turn = batch_first && input.defined() && input.dim() == 3;
  const Tensor first = turn ? input.transpose(0, 1) : input;
  std::vector<RecurrentLayer> layers = layers_of(kind, first, batch_sizes, hx, params, o);
  if (layers.empty()) return composite(kind, input, batch_sizes, hx, params, o, batch_first);
  Tensor x = first;
  std::vector<Tensor> hy, cy;
  const int64_t directions = layers[0].directions, weights = directions * layers[0].weights();
  for (int64_t l = 0; l < o.layers; ++l) {
    const auto state = [&](const Tensor& t) { return o.layers == 1 ? t : t.narrow(0, l * directions, directions); };
    Three result = run(std::move(layers[static_cast<size_t>(l)]), x, batch_sizes, state(hx[0]),
                       kind == CellKind::LSTM ? state(hx[1]) : Tensor(),
                       params.slice(static_cast<size_t>(l * weights), static_cast<size_t>(weights)), /*is_cell=*/false);
    x = std::move(std::get<0>(result));
    hy.push_back(std::move(std::get<1>(result)));
    cy.push_back(std::move(std::get<2>(result)));
    if (o.dropout != 0 && o.train && l + 1 < o.layers) x = at::dropout(x, o.dropout, /*train=*/true);
  }
  stat.compiled.fetch_add(1, std::memory_order_relaxed);
  const auto all = [&](const std::vector<Tensor>& states) {
    return states.size() == 1 || !states[0].defined() ? states[0] : at::cat(states, 0);
  };
  return {turn ? x.transpose(0, 1) : x, all(hy), all(cy)};
}

Three cell(CellKind kind, OpStat& stat, const Tensor& x, TensorList hx, const Tensor& w_ih, const Tensor& w_hh, const Bias& b_ih,
           const Bias& b_hh) {
  const bool has_biases = b_ih && b_ih->defined();
  c10::SmallVector<Tensor, 4> weights{w_ih, w_hh};
  if (has_biases) weights.append({*b_ih, b_hh.value_or(Tensor())});
  const auto served = [&](RecurrentLayer& layer) {
    if (hx.size() != (kind == CellKind::LSTM ? 2 : 1) || !is_hologram(x) || is_looked_at(x, hx, {w_ih, w_hh}) ||
        !is_served_type(x) || x.dim() != 2 || x.numel() == 0 || !fits(x, x, x.sizes()) || has_biases != (b_hh && b_hh->defined()) ||
        hx[0].dim() != 2)
      return false;
    for (size_t i = 2; i < weights.size(); ++i)
      if (at::isTensorSubclassLike(weights[i])) return false;
    layer.type = x.scalar_type();
    layer.has_biases = has_biases;
    layer.features = x.size(1);
    layer.state = layer.hidden = hx[0].size(1);
    layer.steps.sizes = {x.size(0)};
    layer.steps.rows = x.size(0);
    return fits(hx[0], x, {x.size(0), layer.hidden}) && fits(hx.back(), x, {x.size(0), layer.hidden}) &&
           weights_fit(layer, weights, x);
  };
  RecurrentLayer layer{kind};
  if (!served(layer)) return composite_cell(kind, x, hx, w_ih, w_hh, b_ih, b_hh);
  stat.compiled.fetch_add(1, std::memory_order_relaxed);
  return run(std::move(layer), x, Tensor(), hx[0], kind == CellKind::LSTM ? hx[1] : Tensor(), weights, /*is_cell=*/true);
}

// ---- the ops ----

Three lstm_input(const Tensor& x, TensorList hx, TensorList params, bool has_biases, int64_t layers, double dropout, bool train,
                 bool bidirectional, bool batch_first) {
  static OpStat& stat = op_stat<at::_ops::lstm_input>();
  return sequence(CellKind::LSTM, stat, x, Tensor(), hx, params, {has_biases, layers, dropout, train, bidirectional}, batch_first);
}
Three lstm_data(const Tensor& x, const Tensor& batch_sizes, TensorList hx, TensorList params, bool has_biases, int64_t layers,
                double dropout, bool train, bool bidirectional) {
  static OpStat& stat = op_stat<at::_ops::lstm_data>();
  return sequence(CellKind::LSTM, stat, x, batch_sizes, hx, params, {has_biases, layers, dropout, train, bidirectional}, false);
}

std::tuple<Tensor, Tensor> without_cell(Three results) {
  return {std::move(std::get<0>(results)), std::move(std::get<1>(results))};
}

template <class AtenOp, CellKind kind>
std::tuple<Tensor, Tensor> rnn_input(const Tensor& x, const Tensor& hx, TensorList params, bool has_biases, int64_t layers,
                                     double dropout, bool train, bool bidirectional, bool batch_first) {
  static OpStat& stat = op_stat<AtenOp>();
  return without_cell(
      sequence(kind, stat, x, Tensor(), hx, params, {has_biases, layers, dropout, train, bidirectional}, batch_first));
}
template <class AtenOp, CellKind kind>
std::tuple<Tensor, Tensor> rnn_data(const Tensor& x, const Tensor& batch_sizes, const Tensor& hx, TensorList params,
                                    bool has_biases, int64_t layers, double dropout, bool train, bool bidirectional) {
  static OpStat& stat = op_stat<AtenOp>();
  return without_cell(sequence(kind, stat, x, batch_sizes, hx, params, {has_biases, layers, dropout, train, bidirectional}, false));
}

std::tuple<Tensor, Tensor> lstm_cell(const Tensor& x, TensorList hx, const Tensor& w_ih, const Tensor& w_hh, const Bias& b_ih,
                                     const Bias& b_hh) {
  static OpStat& stat = op_stat<at::_ops::lstm_cell>();
  Three result = cell(CellKind::LSTM, stat, x, hx, w_ih, w_hh, b_ih, b_hh);
  return {std::move(std::get<1>(result)), std::move(std::get<2>(result))};
}
template <class AtenOp, CellKind kind>
Tensor rnn_cell(const Tensor& x, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh, const Bias& b_ih, const Bias& b_hh) {
  static OpStat& stat = op_stat<AtenOp>();
  return std::get<1>(cell(kind, stat, x, hx, w_ih, w_hh, b_ih, b_hh));
}

template <class Input, class Data, class OneCell, CellKind kind>
void register_rnn(torch::Library& m) {
  register_kernel<Input, &rnn_input<Input, kind>>(m);
  register_kernel<Data, &rnn_data<Data, kind>>(m);
  register_kernel<OneCell, &rnn_cell<OneCell, kind>>(m);
}

void register_recurrent(torch::Library& m) {
  register_kernel<at::_ops::lstm_input, &lstm_input>(m);
  register_kernel<at::_ops::lstm_data, &lstm_data>(m);
  register_kernel<at::_ops::lstm_cell, &lstm_cell>(m);
  using namespace at::_ops;
  register_rnn<gru_input, gru_data, gru_cell, CellKind::GRU>(m);
  register_rnn<rnn_tanh_input, rnn_tanh_data, rnn_tanh_cell, CellKind::Tanh>(m);
  register_rnn<rnn_relu_input, rnn_relu_data, rnn_relu_cell, CellKind::Relu>(m);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) { register_recurrent(m); }
TORCH_LIBRARY_IMPL(aten, AutogradPrivateUse1, m) { register_recurrent(m); }

}  // namespace
}  // namespace hologram::aten
