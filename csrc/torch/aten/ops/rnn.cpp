// The pointwise half of LSTM and GRU cells, each direction as one circuit.
//
// torch expects these fused cells of every accelerator and calls them from nn.LSTM, nn.GRU and their cells. A gate tensor is
// [batch, gates * hidden]; the circuits run over [batch, hidden] and see each gate as an operand of its own.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_thnn_fused_gru_cell_backward_ops.h>
#include <ATen/ops/_thnn_fused_gru_cell_ops.h>
#include <ATen/ops/_thnn_fused_lstm_cell_backward_impl_ops.h>
#include <ATen/ops/_thnn_fused_lstm_cell_ops.h>
#include <torch/library.h>

#include <tuple>

#include "torch/aten/core/registration.h"
#include "torch/aten/core/expr_builder.h"

namespace hologram::aten {
namespace {

using at::Tensor;

// A circuit over [batch, hidden].
class Cell : public CircuitBuilder {
 public:
  Cell(const char* op, const Tensor& state) : CircuitBuilder(to_dtype(state.scalar_type())), op_(op), like_(state) {
    TORCH_CHECK_NOT_IMPLEMENTED(state.is_floating_point() && is_compiled_type(state.scalar_type()), "hologram.", op,
                                ": dtype ", state.scalar_type(), " is not supported. Use a floating point dtype.");
    TORCH_CHECK(state.dim() == 2, "hologram.", op, ": expected a state of 2 dimensions [batch, hidden], got ", state.sizes(), ".");
    set_sizes(circuit_, state.sizes());
  }
  int64_t batch() const { return like_.size(0); }
  int64_t hidden() const { return like_.size(1); }

  /// Gate number `gate` of `t`, which is [batch, gates * hidden], or [gates * hidden] for a bias.
  Ref input(const Tensor& t, int gate = 0, int gates = 1) {
    check(t, gates, t.dim() == 1 ? 1 : 2);
    const Ref ref = circuit_.add_operand(block_of(t), input_data(t) + gate_offset(t, gate), type_);
    place(ref, t);
    return ref;
  }
  void output(const Tensor& t, Ref value, int gate = 0) {
    place(circuit_.add_output(block_of(t), output_data(t) + gate_offset(t, gate), type_, stored(value)), t);
  }
  Tensor gates(int64_t count) const { return empty({batch(), count * hidden()}, like_.scalar_type(), like_.device()); }

  Ref sigmoid(Ref a) { return node(Op::sigmoid, {a}); }
  Ref tanh(Ref a) { return node(Op::tanh, {a}); }
  Ref sigmoid_slope(Ref y) { return mul(sub(one(), y), y); }
  Ref tanh_slope(Ref y) { return sub(one(), mul(y, y)); }

  void run(OpStat& stat) {
    if (like_.numel() == 0) return;
    submit(circuit_, like_);
    stat.compiled.fetch_add(1, std::memory_order_relaxed);
  }

 private:
  void check(const Tensor& t, int gates, int64_t dims) const {
    TORCH_CHECK(t.device() == like_.device(), "Expected all tensors to be on the same device, but found at least two devices, ",
                like_.device(), " and ", t.device(), "!");
    TORCH_CHECK(t.scalar_type() == like_.scalar_type(), "hologram.", op_, ": expected dtype ", like_.scalar_type(), ", got ",
                t.scalar_type(), ". All tensors of a cell must have one dtype.");
    TORCH_CHECK(t.dim() == dims && t.size(-1) == gates * hidden() && (dims == 1 || t.size(0) == batch()), "hologram.", op_,
                ": a tensor of shape ", t.sizes(), " does not fit a state of shape ", like_.sizes(), ". Expected [",
                gates * hidden(), "] or [", batch(), ", ", gates * hidden(), "].");
  }
  int64_t gate_offset(const Tensor& t, int gate) const {
    return gate * hidden() * t.stride(-1) * static_cast<int64_t>(t.element_size());
  }
  void place(Ref operand, const Tensor& t) {
    int64_t* strides = circuit_.strides(operand);
    const auto item = static_cast<int64_t>(t.element_size());
    strides[0] = t.dim() == 1 ? 0 : t.stride(0) * item;
    strides[1] = t.stride(-1) * item;
  }

  const char* op_;
  const Tensor& like_;
};

// input gate + hidden gate (+ biases), before the activation
Ref summed_gate(Cell& c, const Tensor& igates, const Tensor& hgates, const Tensor& ibias, const Tensor& hbias, int gate,
                int gates) {
  Ref sum = c.add(c.input(igates, gate, gates), c.input(hgates, gate, gates));
  if (ibias.defined()) sum = c.add(c.add(sum, c.input(ibias, gate, gates)), c.input(hbias, gate, gates));
  return sum;
}

std::pair<Tensor, Tensor> biases(const char* op, const std::optional<Tensor>& ibias, const std::optional<Tensor>& hbias) {
  Tensor i = ibias.value_or(Tensor()), h = hbias.value_or(Tensor());
  TORCH_CHECK(i.defined() == h.defined(), "hologram.", op, ": got only one of input_bias and hidden_bias. Pass both or neither.");
  return {i, h};
}

std::tuple<Tensor, Tensor, Tensor> lstm_cell(const Tensor& igates, const Tensor& hgates, const Tensor& cx,
                                             const std::optional<Tensor>& ibias_opt, const std::optional<Tensor>& hbias_opt) {
  static OpStat& stat = op_stat<at::_ops::_thnn_fused_lstm_cell>();
  const auto [ibias, hbias] = biases("_thnn_fused_lstm_cell", ibias_opt, hbias_opt);
  Cell c("_thnn_fused_lstm_cell", cx);
  const Ref i = c.sigmoid(summed_gate(c, igates, hgates, ibias, hbias, 0, 4));
  const Ref f = c.sigmoid(summed_gate(c, igates, hgates, ibias, hbias, 1, 4));
  const Ref g = c.tanh(summed_gate(c, igates, hgates, ibias, hbias, 2, 4));
  const Ref o = c.sigmoid(summed_gate(c, igates, hgates, ibias, hbias, 3, 4));
  const Ref cy = c.add(c.mul(f, c.input(cx)), c.mul(i, g));
  const Tensor hy_out = c.gates(1), cy_out = c.gates(1), workspace = c.gates(4);
  c.output(workspace, i, 0);
  c.output(workspace, f, 1);
  c.output(workspace, g, 2);
  c.output(workspace, o, 3);
  c.output(cy_out, cy);
  c.output(hy_out, c.mul(o, c.tanh(cy)));
  c.run(stat);
  return {hy_out, cy_out, workspace};
}

std::tuple<Tensor, Tensor, Tensor> lstm_cell_backward(const std::optional<Tensor>& grad_hy, const std::optional<Tensor>& grad_cy,
                                                      const Tensor& cx, const Tensor& cy, const Tensor& workspace, bool has_bias) {
  static OpStat& stat = op_stat<at::_ops::_thnn_fused_lstm_cell_backward_impl>();
  const bool has_hy = grad_hy && grad_hy->defined(), has_cy = grad_cy && grad_cy->defined();
  if (!has_hy && !has_cy) return {};
  Cell c("_thnn_fused_lstm_cell_backward_impl", cx);
  const Ref i = c.input(workspace, 0, 4), f = c.input(workspace, 1, 4), g = c.input(workspace, 2, 4), o = c.input(workspace, 3, 4);
  const Tensor grad_gates = c.gates(4), grad_cx = c.gates(1);
  Ref grad_c = has_cy ? c.input(*grad_cy) : kNoRef;
  Ref grad_o = kNoRef;
  if (has_hy) {
    const Ref hy = c.input(*grad_hy), t = c.tanh(c.input(cy));
    const Ref through_hy = c.mul(c.mul(hy, o), c.tanh_slope(t));
    grad_c = has_cy ? c.add(grad_c, through_hy) : through_hy;
    grad_o = c.mul(c.mul(hy, t), c.sigmoid_slope(o));
  } else {
    grad_o = c.sub(o, o);   // hy does not reach the loss
  }
  c.output(grad_gates, c.mul(c.mul(grad_c, g), c.sigmoid_slope(i)), 0);
  c.output(grad_gates, c.mul(c.mul(grad_c, c.input(cx)), c.sigmoid_slope(f)), 1);
  c.output(grad_gates, c.mul(c.mul(grad_c, i), c.tanh_slope(g)), 2);
  c.output(grad_gates, grad_o, 3);
  c.output(grad_cx, c.mul(grad_c, f));
  c.run(stat);
  return {grad_gates, grad_cx, has_bias ? grad_gates.sum(0) : Tensor()};
}

// Gates r(eset), z (update), n(ew); the workspace keeps r, z, n, hx and the hidden part of n.
std::tuple<Tensor, Tensor> gru_cell(const Tensor& igates, const Tensor& hgates, const Tensor& hx,
                                    const std::optional<Tensor>& ibias_opt, const std::optional<Tensor>& hbias_opt) {
  static OpStat& stat = op_stat<at::_ops::_thnn_fused_gru_cell>();
  const auto [ibias, hbias] = biases("_thnn_fused_gru_cell", ibias_opt, hbias_opt);
  Cell c("_thnn_fused_gru_cell", hx);
  const Ref r = c.sigmoid(summed_gate(c, igates, hgates, ibias, hbias, 0, 3));
  const Ref z = c.sigmoid(summed_gate(c, igates, hgates, ibias, hbias, 1, 3));
  Ref in = c.input(igates, 2, 3), hn = c.input(hgates, 2, 3);
  if (ibias.defined()) {
    in = c.add(in, c.input(ibias, 2, 3));
    hn = c.add(hn, c.input(hbias, 2, 3));
  }
  const Ref n = c.tanh(c.add(in, c.mul(r, hn))), h = c.input(hx);
  const Tensor hy = c.gates(1), workspace = c.gates(5);
  c.output(workspace, r, 0);
  c.output(workspace, z, 1);
  c.output(workspace, n, 2);
  c.output(workspace, h, 3);
  c.output(workspace, hn, 4);
  c.output(hy, c.add(n, c.mul(z, c.sub(h, n))));
  c.run(stat);
  return {hy, workspace};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> gru_cell_backward(const Tensor& grad_hy, const Tensor& workspace, bool has_bias) {
  static OpStat& stat = op_stat<at::_ops::_thnn_fused_gru_cell_backward>();
  Cell c("_thnn_fused_gru_cell_backward", grad_hy);
  const Ref r = c.input(workspace, 0, 5), z = c.input(workspace, 1, 5), n = c.input(workspace, 2, 5),
            h = c.input(workspace, 3, 5), hn = c.input(workspace, 4, 5), grad = c.input(grad_hy);
  const Ref grad_z = c.mul(c.mul(grad, c.sub(h, n)), c.sigmoid_slope(z));
  const Ref grad_in = c.mul(c.mul(grad, c.sub(c.one(), z)), c.tanh_slope(n));
  const Ref grad_r = c.mul(c.mul(grad_in, hn), c.sigmoid_slope(r));
  const Tensor grad_igates = c.gates(3), grad_hgates = c.gates(3), grad_hx = c.gates(1);
  c.output(grad_igates, grad_r, 0);
  c.output(grad_igates, grad_z, 1);
  c.output(grad_igates, grad_in, 2);
  c.output(grad_hgates, grad_r, 0);
  c.output(grad_hgates, grad_z, 1);
  c.output(grad_hgates, c.mul(grad_in, r), 2);
  c.output(grad_hx, c.mul(grad, z));
  c.run(stat);
  return {grad_igates, grad_hgates, grad_hx, has_bias ? grad_igates.sum(0) : Tensor(), has_bias ? grad_hgates.sum(0) : Tensor()};
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::_thnn_fused_lstm_cell, &lstm_cell>(m);
  register_kernel<at::_ops::_thnn_fused_lstm_cell_backward_impl, &lstm_cell_backward>(m);
  register_kernel<at::_ops::_thnn_fused_gru_cell, &gru_cell>(m);
  register_kernel<at::_ops::_thnn_fused_gru_cell_backward, &gru_cell_backward>(m);
}

}  // namespace hologram::aten
