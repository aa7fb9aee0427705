#include "torch/aten/ops/recurrent_layer.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

namespace hologram::aten {
namespace {

using at::Tensor;

// MKL's products of few rows are up to three times slower where the weight lies across them. From that many steps on it is turned.
constexpr size_t kTurnedSteps = 4;

const char* name_of(CellKind kind, bool backward) {
  static constexpr const char* kNames[2][4] = {{"lstm", "gru", "rnn_tanh", "rnn_relu"},
                                               {"lstm_backward", "gru_backward", "rnn_tanh_backward", "rnn_relu_backward"}};
  return kNames[backward][static_cast<int>(kind)];
}

/// The layer's sizes, and new memory of its type.
class Direction {
 public:
  Direction(const RecurrentLayer& layer, const DirectionWeights& weights, int64_t number, const Tensor& any)
      : l(layer),
        w(weights),
        d(number),
        H(layer.hidden),
        P(layer.state),
        G(layer.gates()),
        rows(layer.steps.rows),
        batch(layer.batch()),
        compute(compute_type(to_dtype(layer.type))),
        wide(to_scalar_type(compute)),
        device_(any.device()) {}

  bool widens() const { return wide != l.type; }
  Tensor fresh_rows(int64_t width) const { return empty({rows, width}, l.type, device_); }
  Tensor fresh_state(int64_t width) const { return empty({batch, width}, wide, device_); }
  /// A weight as the products of the steps read it.
  Tensor weight(const Tensor& t) const { return t.contiguous().to(wide); }
  /// out <- a @ w^T at each step. The weight is turned first where that pays.
  void multiply(StepLoop& loop, const StepPart& out, const StepPart& a, const Tensor& t) const {
    const int64_t n = t.size(0), k = t.size(1);
    if (l.steps.sizes.size() < kTurnedSteps) return loop.product(out, a, loop.matrix(weight(t), n, k), n, k, /*turned=*/true);
    const Tensor turned = t.t().to(wide, /*non_blocking=*/false, /*copy=*/true, at::MemoryFormat::Contiguous);
    loop.product(out, a, loop.matrix(turned, k, n), n, k);
  }

  const RecurrentLayer& l;
  const DirectionWeights& w;
  const int64_t d, H, P, G, rows, batch;
  const DType compute;
  const at::ScalarType wide;

 private:
  const c10::Device device_;
};

// ---- forward ----

/// Where the kernel of the gates finds them, and puts what the gradient needs.
struct Forward {
  StepPart igates, hgates, b_ih, b_hh, c, h, h_new, out;
  StepPart gates, h_before, c_before, n_hidden, cell_out;
  bool has_biases, keeps, keeps_states, has_out, is_projected;
  int64_t H;

  /// input part (+ bias) of a gate; the hidden part likewise
  Ref input_part(StepKernel& k, int64_t gate) const {
    const Ref value = k.load(igates.from(gate * H));
    return has_biases ? k.node(Op::add, {value, k.load(b_ih.from(gate * H))}) : value;
  }
  Ref hidden_part(StepKernel& k, int64_t gate) const {
    const Ref value = k.load(hgates.from(gate * H));
    return has_biases ? k.node(Op::add, {value, k.load(b_hh.from(gate * H))}) : value;
  }
  Ref sum(StepKernel& k, int64_t gate) const { return k.node(Op::add, {input_part(k, gate), hidden_part(k, gate)}); }
  void keep(StepKernel& k, std::initializer_list<Ref> activated) const {
    int64_t gate = 0;
    if (keeps)
      for (Ref value : activated) k.store(gates.from(gate++ * H), value);
  }
  /// The hidden state after the step takes the place of that before it.
  void finish(StepKernel& k, Ref after) const {
    if (keeps_states) k.store(h_before, k.load(h));
    if (has_out) k.store(out, after);
    k.store(h, after);
  }
};

void lstm_step(StepKernel& k, const Forward& f) {
  const Ref i = k.sigmoid(f.sum(k, 0)), forget = k.sigmoid(f.sum(k, 1)), g = k.tanh(f.sum(k, 2)), o = k.sigmoid(f.sum(k, 3));
  const Ref before = k.load(f.c), kept = k.mul(forget, before), added = k.mul(i, g), c = k.add(kept, added),
            h = k.mul(o, k.tanh(c));
  f.keep(k, {i, forget, g, o});
  if (f.keeps_states) k.store(f.c_before, before);
  k.store(f.c, c);
  if (f.is_projected) {
    if (f.keeps) k.store(f.cell_out, h);
    k.store(f.h_new, h);
  } else {
    f.finish(k, h);
  }
}

void gru_step(StepKernel& k, const Forward& f) {
  const Ref r = k.sigmoid(f.sum(k, 0)), z = k.sigmoid(f.sum(k, 1)), in = f.input_part(k, 2), hn = f.hidden_part(k, 2);
  const Ref n = k.tanh(k.add(in, k.mul(r, hn))), before = k.load(f.h);
  f.keep(k, {r, z, n});
  if (f.keeps) k.store(f.n_hidden, hn);
  f.finish(k, k.add(n, k.mul(z, k.sub(before, n))));
}

void rnn_step(StepKernel& k, const Forward& f, CellKind kind) {
  const Ref sum = f.sum(k, 0), h = k.node(kind == CellKind::Tanh ? Op::tanh : Op::relu, {sum});
  f.keep(k, {h});
  f.finish(k, h);
}

/// `hy` and `cy` hold the states that the sequences begin with.
KeptSteps run_direction(const Direction& dir, const Tensor& x, const Tensor& hy, const Tensor& cy, const Tensor& out, bool keep) {
  const RecurrentLayer& l = dir.l;
  const int64_t H = dir.H, P = dir.P, G = dir.G;
  const bool lstm = l.kind == CellKind::LSTM;
  KeptSteps kept;
  const Tensor gates = at::linear(x, dir.w.w_ih), hgates = dir.fresh_state(G * H);
  StepLoop loop(name_of(l.kind, false), l.steps, /*from_last=*/dir.d == 1, home_queue(x));
  Forward f{};
  f.H = H;
  f.has_biases = l.has_biases;
  f.has_out = out.defined();
  f.keeps = keep;
  f.keeps_states = keep && f.has_out;   // that of a cell is its argument
  f.is_projected = l.is_projected;
  f.igates = f.gates = loop.rows(gates, G * H, keep);
  f.hgates = loop.state(hgates, G * H, 0, true);
  f.h = loop.state(hy, P, dir.d, true);
  if (lstm) f.c = loop.state(cy, H, dir.d, true);
  if (l.has_biases) {
    f.b_ih = loop.vector(dir.w.b_ih.contiguous(), G * H);
    f.b_hh = loop.vector(dir.w.b_hh.contiguous(), G * H);
  }
  if (f.has_out) f.out = loop.rows(out, l.directions * P, true).from(dir.d * P);
  if (keep) {
    kept.gates = gates;
    if (f.keeps_states) f.h_before = loop.rows(kept.h_before = dir.fresh_rows(P), P, true);
    if (f.keeps_states && lstm) f.c_before = loop.rows(kept.c_before = dir.fresh_rows(H), H, true);
    if (l.kind == CellKind::GRU) f.n_hidden = loop.rows(kept.n_hidden = dir.fresh_rows(H), H, true);
    if (l.is_projected) f.cell_out = loop.rows(kept.cell_out = dir.fresh_rows(H), H, true);
  }
  dir.multiply(loop, f.hgates, f.h, dir.w.w_hh);
  if (l.is_projected) f.h_new = loop.state(dir.fresh_state(H), H, 0, true);
  StepKernel& k = loop.kernel(H, dir.compute);
  switch (l.kind) {
    case CellKind::LSTM: lstm_step(k, f); break;
    case CellKind::GRU: gru_step(k, f); break;
    case CellKind::Tanh:
    case CellKind::Relu: rnn_step(k, f, l.kind); break;
  }
  if (l.is_projected) {
    const StepPart projected = loop.state(dir.fresh_state(P), P, 0, true);
    dir.multiply(loop, projected, f.h_new, dir.w.w_hr);
    StepKernel& after = loop.kernel(P, dir.compute);
    f.finish(after, after.node(Op::copy, {after.load(projected)}));
  }
  loop.run();
  return kept;
}

// ---- backward ----

/// Where the kernel of the gates' gradient finds its operands. The state's gradient `h` is from the steps behind.
struct Backward {
  StepPart gates, c_before, h_before, n_hidden, out, h, c, cell_out;
  StepPart igates, hgates, wide_gates;
  bool has_out, is_projected, widens;
  int64_t H;

  /// The gradient of the hidden state after the step.
  Ref state(StepKernel& k) const {
    const Ref behind = k.load(h);
    return has_out ? k.node(Op::add, {behind, k.load(out)}) : behind;
  }
  Ref gate(StepKernel& k, int64_t number) const { return k.load(gates.from(number * H)); }
  Ref sigmoid_slope(StepKernel& k, Ref y) const { return k.mul(k.sub(k.number(1), y), y); }
  Ref tanh_slope(StepKernel& k, Ref y) const { return k.sub(k.number(1), k.mul(y, y)); }
  void store(StepKernel& k, const StepPart& to, std::initializer_list<Ref> gradients) const {
    int64_t number = 0;
    for (Ref value : gradients) k.store(to.from(number++ * H), value);
  }
  /// For the products: that of the step, and those of all steps.
  void finish(StepKernel& k, const StepPart& all_steps, std::initializer_list<Ref> gradients) const {
    store(k, all_steps, gradients);
    if (widens) store(k, wide_gates, gradients);
  }
};

void lstm_gradient(StepKernel& k, const Backward& b) {
  const Ref i = b.gate(k, 0), f = b.gate(k, 1), g = b.gate(k, 2), o = b.gate(k, 3), before = k.load(b.c_before);
  const Ref kept = k.mul(f, before), added = k.mul(i, g), t = k.tanh(k.add(kept, added));
  const Ref grad_h = b.is_projected ? k.load(b.cell_out) : b.state(k), behind = k.load(b.c);
  const Ref slope = b.tanh_slope(k, t), through_h = k.mul(k.mul(grad_h, o), slope), grad_c = k.add(behind, through_h);
  const Ref slope_i = b.sigmoid_slope(k, i), slope_f = b.sigmoid_slope(k, f), slope_g = b.tanh_slope(k, g),
            slope_o = b.sigmoid_slope(k, o);
  const Ref grad_i = k.mul(k.mul(grad_c, g), slope_i), grad_f = k.mul(k.mul(grad_c, before), slope_f);
  const Ref grad_g = k.mul(k.mul(grad_c, i), slope_g), grad_o = k.mul(k.mul(grad_h, t), slope_o);
  b.finish(k, b.igates, {grad_i, grad_f, grad_g, grad_o});
  k.store(b.c, k.mul(grad_c, f));
}

void gru_gradient(StepKernel& k, const Backward& b) {
  const Ref r = b.gate(k, 0), z = b.gate(k, 1), n = b.gate(k, 2), before = k.load(b.h_before), hn = k.load(b.n_hidden),
            grad = b.state(k);
  const Ref slope_r = b.sigmoid_slope(k, r), slope_z = b.sigmoid_slope(k, z), slope_n = b.tanh_slope(k, n);
  const Ref difference = k.sub(before, n), rest = k.sub(k.number(1), z);
  const Ref grad_z = k.mul(k.mul(grad, difference), slope_z), grad_n = k.mul(k.mul(grad, rest), slope_n);
  const Ref grad_r = k.mul(k.mul(grad_n, hn), slope_r);
  b.store(k, b.igates, {grad_r, grad_z, grad_n});
  b.finish(k, b.hgates, {grad_r, grad_z, k.mul(grad_n, r)});
  k.store(b.h, k.mul(grad, z));   // the product is added
}

void rnn_gradient(StepKernel& k, const Backward& b, CellKind kind) {
  const Ref h = b.gate(k, 0), grad = b.state(k);
  b.finish(k, b.igates,
           {kind == CellKind::Tanh ? k.mul(grad, b.tanh_slope(k, h)) : k.node(Op::threshold_backward, {grad, h, k.number(0)})});
}

struct GateGradients {
  Tensor igates, hgates;   // [rows, gates * hidden]; one tensor but for a GRU
  Tensor projected;        // [rows, state]: of the hidden states
};

/// `grad_h` and `grad_c` hold the gradients of the last states, and get those of the first.
GateGradients differentiate_direction(const Direction& dir, const KeptSteps& kept, const Tensor& grad_out, const Tensor& grad_h,
                                      const Tensor& grad_c, bool to_h0) {
  const RecurrentLayer& l = dir.l;
  const int64_t H = dir.H, P = dir.P, G = dir.G;
  const bool gru = l.kind == CellKind::GRU;
  GateGradients grads;
  grads.igates = dir.fresh_rows(G * H);
  grads.hgates = gru ? dir.fresh_rows(G * H) : grads.igates;
  StepLoop loop(name_of(l.kind, true), l.steps, /*from_last=*/dir.d == 0, home_queue(kept.gates));
  Backward b{};
  b.H = H;
  b.has_out = grad_out.defined();
  b.is_projected = l.is_projected;
  b.widens = dir.widens();
  b.gates = loop.rows(kept.gates, G * H);
  b.h = loop.state(grad_h, P, dir.d, true);
  b.igates = loop.rows(grads.igates, G * H, true);
  b.hgates = loop.rows(grads.hgates, G * H, true);
  if (b.has_out) b.out = loop.rows(grad_out, l.directions * P).from(dir.d * P);
  if (b.widens) b.wide_gates = loop.state(dir.fresh_state(G * H), G * H, 0, true);
  if (l.kind == CellKind::LSTM) {
    b.c_before = loop.rows(kept.c_before, H);
    b.c = loop.state(grad_c, H, dir.d, true);
  }
  if (gru) {
    b.h_before = loop.rows(kept.h_before, P);
    b.n_hidden = loop.rows(kept.n_hidden, H);
  }
  if (l.is_projected) {
    const StepPart projected = loop.rows(grads.projected = dir.fresh_rows(P), P, true),
                   wide = loop.state(dir.fresh_state(P), P, 0, true);
    b.cell_out = loop.state(dir.fresh_state(H), H, 0, true);
    StepKernel& k = loop.kernel(P, dir.compute);
    const Ref sum = k.node(Op::copy, {b.state(k)});
    k.store(projected, sum);
    k.store(wide, sum);
    loop.product(b.cell_out, wide, loop.matrix(dir.weight(dir.w.w_hr), P, H), H, P);
  }
  StepKernel& k = loop.kernel(H, dir.compute);
  switch (l.kind) {
    case CellKind::LSTM: lstm_gradient(k, b); break;
    case CellKind::GRU: gru_gradient(k, b); break;
    case CellKind::Tanh:
    case CellKind::Relu: rnn_gradient(k, b, l.kind); break;
  }
  const StepPart of_gates = b.widens ? b.wide_gates : b.hgates;
  if (to_h0 || l.steps.sizes.size() > 1)
    loop.product(b.h, of_gates, loop.matrix(dir.weight(dir.w.w_hh), G * H, P), P, G * H, /*turned=*/false, /*beta=*/gru);
  if (!to_h0 && l.steps.sizes.size() > 1) loop.ends_early();
  loop.run();
  return grads;
}

/// The states' gradients in the type of the steps: given, or zero.
Tensor running_gradient(const Tensor& given, at::ScalarType wide, const RecurrentLayer& l, int64_t width, const Tensor& like) {
  if (given.defined()) return given.to(wide, /*non_blocking=*/false, /*copy=*/true, at::MemoryFormat::Contiguous);
  return at::zeros({l.directions, l.batch(), width}, like.options().dtype(wide));
}

/// a^T @ b over many rows. MKL is up to 1.9 times faster with the wider one on the right, where the other is narrow.
Tensor weight_gradient(const Tensor& a, const Tensor& b) {
  constexpr int64_t kNarrow = 128, kManyRows = 1024;
  if (a.size(1) > b.size(1) && b.size(1) <= kNarrow && b.size(0) >= kManyRows) return at::mm(b.t(), a).t().contiguous();
  return at::mm(a.t(), b);
}

}  // namespace

DirectionWeights::DirectionWeights(const RecurrentLayer& layer, at::TensorList all, int64_t direction) {
  auto next = static_cast<size_t>(direction * layer.weights());
  w_ih = all[next++];
  w_hh = all[next++];
  if (layer.has_biases) {
    b_ih = all[next++];
    b_hh = all[next++];
  }
  if (layer.is_projected) w_hr = all[next++];
}

LayerResult run_layer(const RecurrentLayer& layer, const Tensor& x, const Tensor& h0, const Tensor& c0, at::TensorList weights,
                      bool keep, bool with_out) {
  LayerResult result;
  const at::ScalarType wide = to_scalar_type(compute_type(to_dtype(layer.type)));
  const auto beginning = [&](const Tensor& t) {
    return t.to(wide, /*non_blocking=*/false, /*copy=*/true, at::MemoryFormat::Contiguous);
  };
  result.hy = beginning(h0);
  if (c0.defined()) result.cy = beginning(c0);
  if (with_out) result.out = empty({layer.steps.rows, layer.directions * layer.state}, layer.type, x.device());
  for (int64_t d = 0; d < layer.directions; ++d) {
    const DirectionWeights w(layer, weights, d);
    KeptSteps kept = run_direction(Direction(layer, w, d, x), x, result.hy, result.cy, result.out, keep);
    if (keep) result.kept.push_back(std::move(kept));
  }
  result.hy = result.hy.to(layer.type);
  if (c0.defined()) result.cy = result.cy.to(layer.type);
  return result;
}

LayerGradients differentiate_layer(const RecurrentLayer& layer, const Tensor& x, at::TensorList weights,
                                   const std::vector<KeptSteps>& kept, const Tensor& grad_out, const Tensor& grad_hy,
                                   const Tensor& grad_cy, const WantedGradients& wanted) {
  LayerGradients result;
  result.weights.resize(weights.size());
  const at::ScalarType wide = to_scalar_type(compute_type(to_dtype(layer.type)));
  const Tensor& any = kept[0].gates;
  const Tensor grad_h = running_gradient(grad_hy, wide, layer, layer.state, any);
  const Tensor grad_c = layer.kind == CellKind::LSTM ? running_gradient(grad_cy, wide, layer, layer.hidden, any) : Tensor();
  const Tensor out = grad_out.defined() ? grad_out.contiguous() : grad_out;
  for (int64_t d = 0; d < layer.directions; ++d) {
    const DirectionWeights w(layer, weights, d);
    const KeptSteps& steps = kept[static_cast<size_t>(d)];
    const GateGradients grads = differentiate_direction(Direction(layer, w, d, any), steps, out, grad_h, grad_c, wanted.h0);
    auto next = static_cast<size_t>(d * layer.weights());
    const auto give = [&](auto gradient) {
      if (wanted.weights[next]) result.weights[next] = gradient();
      ++next;
    };
    give([&] { return weight_gradient(grads.igates, x); });
    give([&] { return weight_gradient(grads.hgates, steps.h_before); });
    if (layer.has_biases) {
      const auto b_ih = next;
      give([&] { return grads.igates.sum(0); });
      const Tensor& same = result.weights[b_ih];
      give([&] { return layer.kind != CellKind::GRU && same.defined() ? same.clone() : grads.hgates.sum(0); });
    }
    if (layer.is_projected) give([&] { return weight_gradient(grads.projected, steps.cell_out); });
    if (!wanted.x) continue;
    if (result.x.defined()) result.x.addmm_(grads.igates, w.w_ih);
    else result.x = at::mm(grads.igates, w.w_ih);
  }
  if (wanted.h0) result.h0 = grad_h.to(layer.type);
  if (wanted.c0 && grad_c.defined()) result.c0 = grad_c.to(layer.type);
  return result;
}

}  // namespace hologram::aten
