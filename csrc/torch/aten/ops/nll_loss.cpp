// nll_loss and nll_loss2d, forward and backward. The forward is two kernels: one row per sample (its weighted loss and its
// weight), then the sums over samples together with the check of the targets.
#include <ATen/TensorMeta.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/nll_loss2d_backward_ops.h>
#include <ATen/ops/nll_loss2d_forward_ops.h>
#include <ATen/ops/nll_loss_backward_meta.h>
#include <ATen/ops/nll_loss_backward_ops.h>
#include <ATen/ops/nll_loss_forward_meta.h>
#include <ATen/ops/nll_loss_forward_ops.h>

#include "torch/aten/core/devices.h"
#include "torch/aten/core/index_bounds.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"
#include "torch/aten/core/structured.h"

namespace hologram::aten {
namespace {

/// The arguments all four ops share. The classes are dim 1 of `self`, or dim 0 of a single sample.
struct Nll {
  const at::Tensor &self, &target, &weight;
  int64_t reduction, ignore;

  int64_t class_dim() const { return self.dim() == 1 ? 0 : 1; }
  DimMask row() const { return DimMask(1ull << class_dim()); }
  /// One value per sample.
  c10::DimVector sample_sizes() const {
    c10::DimVector sizes(self.sizes());
    sizes.erase(sizes.begin() + class_dim());
    return sizes;
  }
  bool per_sample() const { return reduction == at::Reduction::None && self.dim() > 1; }
  DType compute() const { return compute_type(dtype_of(self)); }
};

void check_devices(const Nll& n, const at::Tensor& grad_output, const at::Tensor& total_weight) {
  check_same_device("nll_loss_backward", {{"self", n.self}, {"grad_output", grad_output}, {"total_weight", total_weight}});
}

/// Everything in order for our kernels? If not, torch's own kernel computes or says what is wrong.
bool computes(const Nll& n) {
  check_same_device("nll_loss", {{"self", n.self}, {"target", n.target}, {"weight", n.weight}});
  if (!is_row_float(n.self.scalar_type()) || n.self.numel() == 0 || n.self.dim() > kMaxRowSpaceRank) return false;
  if (n.target.scalar_type() != at::kLong && n.target.scalar_type() != at::kByte) return false;
  return !n.weight.defined() || (n.weight.dim() == 1 && n.weight.scalar_type() == n.self.scalar_type() &&
                                 n.weight.size(0) == n.self.size(n.class_dim()));
}

bool computes_2d(const Nll& n) {
  return computes(n) && n.self.dim() == 4 && n.target.dim() == 3 && n.target.sizes() == c10::IntArrayRef(n.sample_sizes());
}

bool known_good(const Nll& n) { return known_in_bounds(n.target, n.self.size(n.class_dim()), n.ignore); }

/// Is some target, other than the ignored one, no class? The value is the last thing the second kernel computes.
Ref bad_targets(RowSpace& space, const Nll& n, Ref target) {
  Circuit& c = space.circuit();
  const auto compare = [&](Op op, int64_t bound) { return c.add_node(op, DType::I64, DType::Bool, {target, c.add_scalar(bound)}); };
  const auto join = [&](Op op, Ref x, Ref y) { return c.add_node(op, DType::Bool, DType::Bool, {x, y}); };
  const Ref outside = join(Op::logical_or, compare(Op::lt, 0), compare(Op::ge, n.self.size(n.class_dim())));
  const Ref bad = join(Op::logical_and, outside, compare(Op::ne, n.ignore));
  return c.add_node(Op::any, DType::Bool, DType::Bool, {bad});
}

/// False when a target is out of bounds: torch's own kernel then names it.
bool forward(const Nll& n, const at::Tensor& output, const at::Tensor& total_weight) {
  const c10::ScalarType type = to_scalar_type(n.compute());
  const c10::DimVector samples = n.sample_sizes();
  const at::Tensor losses = n.per_sample() ? output : empty(samples, type, n.self.device());
  const at::Tensor weights = empty(samples, type, n.self.device());
  {
    RowSpace space(n.self.sizes(), n.row());
    Circuit& c = space.circuit();
    const Ref x = space.input(n.self), t = space.kept_input(n.target), w = space.row_input(n.weight, 1.0);
    const Ref row = c.add_node(Op::nll_row, n.compute(), n.compute(), {x, t, w, c.add_scalar(n.ignore)});
    space.kept_output(losses, space.converted(row, n.compute(), dtype_of(losses)));
    space.kept_output(weights, static_cast<Ref>(row + 1));
    space.submit(n.self);
  }
  const bool good = known_good(n);
  const at::Tensor bad = good ? at::Tensor() : empty({}, at::kBool, n.self.device());
  if (!good || !n.per_sample()) {
    RowSpace space(samples, DimMask().flip());
    Circuit& c = space.circuit();
    if (!n.per_sample()) {
      const Ref total = c.add_node(Op::sum, n.compute(), n.compute(), {space.input(weights)});
      Ref loss = c.add_node(Op::sum, n.compute(), n.compute(), {space.input(losses)});
      if (n.reduction == at::Reduction::Mean) loss = c.add_node(Op::div, n.compute(), n.compute(), {loss, total});
      space.kept_output(output, space.converted(loss, n.compute(), dtype_of(output)));
      space.kept_output(total_weight, space.converted(total, n.compute(), dtype_of(total_weight)));
    }
    if (!good) {
      const Ref t = n.self.dim() == 1 ? space.scalar_input(n.target) : space.input(n.target);
      space.kept_output(bad, bad_targets(space, n, t));
    }
    space.submit(n.self);
  }
  if (n.per_sample()) total_weight.zero_();
  return good || !bad.item<bool>();
}

void backward(const Nll& n, const at::Tensor& grad_output, const at::Tensor& total_weight, const at::Tensor& grad_input) {
  RowSpace space(n.self.sizes(), n.row());
  Circuit& c = space.circuit();
  Ref grad = n.per_sample() ? space.kept_input(grad_output) : space.scalar_input(grad_output);
  if (n.reduction == at::Reduction::Mean)
    grad = c.add_node(Op::div, n.compute(), n.compute(), {grad, space.scalar_input(total_weight)});
  const Ref t = space.kept_input(n.target), w = space.row_input(n.weight, 1.0);
  space.output(grad_input, c.add_node(Op::nll_row_backward, n.compute(), dtype_of(grad_input), {grad, t, w, c.add_scalar(n.ignore)}));
  space.submit(n.self);
}

// ---- nll_loss ----

using ForwardMeta = at::meta::structured_nll_loss_forward;
using BackwardMeta = at::meta::structured_nll_loss_backward;
using Pair = std::tuple<at::Tensor, at::Tensor>;
using PairOut = std::tuple<at::Tensor&, at::Tensor&>;

at::OptionalTensorRef reference(const MaybeTensor& t) { return t ? at::OptionalTensorRef(*t) : at::OptionalTensorRef(); }

Pair nll_loss_forward(const at::Tensor& self, const at::Tensor& target, const MaybeTensor& weight, int64_t reduction, int64_t ignore) {
  using AtenOp = at::_ops::nll_loss_forward;
  const Nll n{self, target, tensor_or_undefined(weight), reduction, ignore};
  Structured<ForwardMeta> results;
  if (computes(n)) {
    results.meta(self, target, reference(weight), reduction, ignore);
    if (forward(n, results[0], results[1])) {
      count_compiled<AtenOp>();
      return {results.take(0), results.take(1)};
    }
  }
  return call_native<AtenOp>(self, target, weight, reduction, ignore);
}

PairOut nll_loss_forward_out(const at::Tensor& self, const at::Tensor& target, const MaybeTensor& weight, int64_t reduction,
                             int64_t ignore, at::Tensor& output, at::Tensor& total_weight) {
  using AtenOp = at::_ops::nll_loss_forward_output;
  const Nll n{self, target, tensor_or_undefined(weight), reduction, ignore};
  if (computes(n)) {
    Structured<ForwardMeta> results(output, total_weight);
    results.meta(self, target, reference(weight), reduction, ignore);
    if (forward(n, output, total_weight)) {
      count_compiled<AtenOp>();
      return PairOut(output, total_weight);
    }
  }
  return call_native<AtenOp>(self, target, weight, reduction, ignore, output, total_weight);
}

at::Tensor nll_loss_backward(const at::Tensor& grad, const at::Tensor& self, const at::Tensor& target, const MaybeTensor& weight,
                             int64_t reduction, int64_t ignore, const at::Tensor& total_weight) {
  using AtenOp = at::_ops::nll_loss_backward;
  const Nll n{self, target, tensor_or_undefined(weight), reduction, ignore};
  check_devices(n, grad, total_weight);
  if (!computes(n)) return call_native<AtenOp>(grad, self, target, weight, reduction, ignore, total_weight);
  Structured<BackwardMeta> result;
  result.meta(grad, self, target, reference(weight), reduction, ignore, total_weight);
  backward(n, grad, total_weight, result[0]);
  count_compiled<AtenOp>();
  return result.take();
}

at::Tensor& nll_loss_backward_out(const at::Tensor& grad, const at::Tensor& self, const at::Tensor& target, const MaybeTensor& weight,
                                  int64_t reduction, int64_t ignore, const at::Tensor& total_weight, at::Tensor& grad_input) {
  using AtenOp = at::_ops::nll_loss_backward_grad_input;
  const Nll n{self, target, tensor_or_undefined(weight), reduction, ignore};
  check_devices(n, grad, total_weight);
  if (!computes(n)) return call_native<AtenOp>(grad, self, target, weight, reduction, ignore, total_weight, grad_input);
  Structured<BackwardMeta> result(grad_input);
  result.meta(grad, self, target, reference(weight), reduction, ignore, total_weight);
  backward(n, grad, total_weight, grad_input);
  count_compiled<AtenOp>();
  return grad_input;
}

// ---- nll_loss2d: not a structured op ----

/// `output` and `total_weight` may be undefined: they are made then.
bool forward_2d(const Nll& n, at::Tensor& output, at::Tensor& total_weight) {
  const c10::DimVector sizes = n.per_sample() ? n.sample_sizes() : c10::DimVector();
  const auto prepare = [&](at::Tensor& t, c10::IntArrayRef wanted) {
    if (t.defined()) resize_out(t, wanted, {}, n.self.options());
    else t = empty(wanted, n.self.scalar_type(), n.self.device());
  };
  prepare(output, sizes);
  prepare(total_weight, {});
  return forward(n, output, total_weight);
}

Pair nll_loss2d_forward(const at::Tensor& self, const at::Tensor& target, const MaybeTensor& weight, int64_t reduction, int64_t ignore) {
  using AtenOp = at::_ops::nll_loss2d_forward;
  const Nll n{self, target, tensor_or_undefined(weight), reduction, ignore};
  at::Tensor output, total_weight;
  if (!computes_2d(n) || !forward_2d(n, output, total_weight))
    return call_native<AtenOp>(self, target, weight, reduction, ignore);
  count_compiled<AtenOp>();
  return {std::move(output), std::move(total_weight)};
}

PairOut nll_loss2d_forward_out(const at::Tensor& self, const at::Tensor& target, const MaybeTensor& weight, int64_t reduction,
                               int64_t ignore, at::Tensor& output, at::Tensor& total_weight) {
  using AtenOp = at::_ops::nll_loss2d_forward_output;
  const Nll n{self, target, tensor_or_undefined(weight), reduction, ignore};
  if (!computes_2d(n) || !forward_2d(n, output, total_weight))
    return call_native<AtenOp>(self, target, weight, reduction, ignore, output, total_weight);
  count_compiled<AtenOp>();
  return PairOut(output, total_weight);
}

bool computes_backward_2d(const Nll& n, const at::Tensor& grad, const at::Tensor& total_weight) {
  check_devices(n, grad, total_weight);
  if (!computes_2d(n) || total_weight.numel() != 1) return false;
  return n.per_sample() ? grad.sizes() == c10::IntArrayRef(n.sample_sizes()) : grad.numel() == 1;
}

at::Tensor nll_loss2d_backward(const at::Tensor& grad, const at::Tensor& self, const at::Tensor& target, const MaybeTensor& weight,
                               int64_t reduction, int64_t ignore, const at::Tensor& total_weight) {
  using AtenOp = at::_ops::nll_loss2d_backward;
  const Nll n{self, target, tensor_or_undefined(weight), reduction, ignore};
  if (!computes_backward_2d(n, grad, total_weight))
    return call_native<AtenOp>(grad, self, target, weight, reduction, ignore, total_weight);
  at::Tensor grad_input = empty(self.sizes(), self.scalar_type(), self.device());
  backward(n, grad, total_weight, grad_input);
  count_compiled<AtenOp>();
  return grad_input;
}

at::Tensor& nll_loss2d_backward_out(const at::Tensor& grad, const at::Tensor& self, const at::Tensor& target,
                                    const MaybeTensor& weight, int64_t reduction, int64_t ignore,
                                    const at::Tensor& total_weight, at::Tensor& grad_input) {
  using AtenOp = at::_ops::nll_loss2d_backward_grad_input;
  const Nll n{self, target, tensor_or_undefined(weight), reduction, ignore};
  if (!computes_backward_2d(n, grad, total_weight))
    return call_native<AtenOp>(grad, self, target, weight, reduction, ignore, total_weight, grad_input);
  resize_out(grad_input, self.sizes(), {}, self.options());
  backward(n, grad, total_weight, grad_input);
  count_compiled<AtenOp>();
  return grad_input;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::nll_loss_forward, &nll_loss_forward>(m);
  register_kernel<at::_ops::nll_loss_forward_output, &nll_loss_forward_out>(m);
  register_kernel<at::_ops::nll_loss_backward, &nll_loss_backward>(m);
  register_kernel<at::_ops::nll_loss_backward_grad_input, &nll_loss_backward_out>(m);
  register_kernel<at::_ops::nll_loss2d_forward, &nll_loss2d_forward>(m);
  register_kernel<at::_ops::nll_loss2d_forward_output, &nll_loss2d_forward_out>(m);
  register_kernel<at::_ops::nll_loss2d_backward, &nll_loss2d_backward>(m);
  register_kernel<at::_ops::nll_loss2d_backward_grad_input, &nll_loss2d_backward_out>(m);
}

}  // namespace
}  // namespace hologram::aten
