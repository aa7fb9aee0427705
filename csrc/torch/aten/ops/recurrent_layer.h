// A layer of an LSTM, a GRU or an RNN over whole sequences, forward and backward: below autograd.
//
// All inputs are one product. At each step there is a product of few rows, of the state, and a kernel for the gates; each direction is
// a StepLoop. Backward the same the other way round, and the gradients of weights are one product each over all steps. Halves compute
// in float32: their state between the steps is not rounded.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

#include "torch/aten/ops/step_loop.h"

namespace hologram::aten {

enum class CellKind : uint8_t { LSTM, GRU, Tanh, Relu };

struct RecurrentLayer {
  CellKind kind;
  bool has_biases = true, is_projected = false;
  int64_t directions = 1;
  int64_t features = 0;  // of the input
  int64_t hidden = 0, state = 0;  // width of the cell, and of the hidden state: another one where it is projected
  at::ScalarType type = at::kFloat;
  Steps steps;

  int64_t gates() const { return kind == CellKind::LSTM ? 4 : kind == CellKind::GRU ? 3 : 1; }
  int64_t weights() const { return 2 + 2 * has_biases + is_projected; }  // of a direction
  int64_t batch() const { return steps.batch(); }
};

/// The parameters of a direction, in torch's order.
struct DirectionWeights {
  at::Tensor w_ih, w_hh, b_ih, b_hh, w_hr;
  DirectionWeights(const RecurrentLayer& layer, at::TensorList all, int64_t direction);
};

/// What the gradient of a direction reads. By kind, some are undefined.
struct KeptSteps {
  at::Tensor gates;  // [rows, gates * hidden], after their functions
  at::Tensor h_before;  // [rows, state]: the hidden states that the steps began with. Not kept of a cell: they are its argument
  at::Tensor c_before;  // LSTM, [rows, hidden]: the cell states. The same
  at::Tensor n_hidden;  // GRU, [rows, hidden]: the hidden part of the new gate
  at::Tensor cell_out;  // projected, [rows, hidden]: what is projected
};
constexpr size_t kKeptTensors = 5;
inline std::array<at::Tensor*, kKeptTensors> members(KeptSteps& kept) {
  return {&kept.gates, &kept.h_before, &kept.c_before, &kept.n_hidden, &kept.cell_out};
}

struct LayerResult {
  at::Tensor out;  // [rows, directions * state]; not of a cell
  at::Tensor hy, cy;  // [directions, batch, ...]
  std::vector<KeptSteps> kept;
};

/// `x` is [rows, features], `h0` and `c0` are [directions, batch, ...]. `keep`: for a gradient. `with_out`: is it a layer, whose hidden
/// states are asked for?
LayerResult run_layer(const RecurrentLayer& layer, const at::Tensor& x, const at::Tensor& h0, const at::Tensor& c0,
                      at::TensorList weights, bool keep, bool with_out);

struct LayerGradients {
  at::Tensor x, h0, c0;
  std::vector<at::Tensor> weights;
};
struct WantedGradients {
  bool x, h0, c0;
  std::vector<bool> weights;
};
/// Gradients that are undefined are zero. `kept` of each direction. Of the weights no bias is read, `x` and w_ih only for each other's
/// gradient, and w_hh where there are several steps, or for that of h0.
LayerGradients differentiate_layer(const RecurrentLayer& layer, const at::Tensor& x, at::TensorList weights,
                                   const std::vector<KeptSteps>& kept, const at::Tensor& grad_out, const at::Tensor& grad_hy,
                                   const at::Tensor& grad_cy, const WantedGradients& wanted);

}  // namespace hologram::aten
