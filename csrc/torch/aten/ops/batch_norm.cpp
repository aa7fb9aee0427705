// batch_norm and its gradients. In training both are row kernels whose row is a channel: statistics, result and the running
// averages come from one kernel, the three gradients from another. In evaluation they are elementwise and sums.
//
// Outcome: floats in NCHW order, statistics and parameters of the input's dtype, or of float32 beside float16 and bfloat16.
// The rest is torch's.
#include <ATen/ops/_native_batch_norm_legit_ops.h>
#include <ATen/ops/native_batch_norm_backward_ops.h>
#include <ATen/ops/native_batch_norm_ops.h>

#include <array>

#include "torch/aten/core/devices.h"
#include "torch/aten/core/expr_builder.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {
namespace {

using at::Tensor;
using Three = std::tuple<Tensor, Tensor, Tensor>;

/// One batch and what is known per channel; all tensors but `input` may be undefined.
struct Batch {
  const Tensor &input, &weight, &bias, &running_mean, &running_var;

  int64_t channels() const { return input.size(1); }
  int64_t per_channel() const { return input.numel() / channels(); }
  DimMask row() const { return ~DimMask(2); }
  DType compute() const { return compute_type(dtype_of(input)); }
  /// The dtype of statistics and parameters.
  c10::ScalarType type() const {
    for (const Tensor* t : {&weight, &bias, &running_mean, &running_var})
      if (t->defined()) return t->scalar_type();
    return input.scalar_type();
  }

  bool fits(const Tensor& t) const {
    return !t.defined() || (t.dim() == 1 && t.size(0) == channels() && t.scalar_type() == type());
  }
  bool is_computed() const {
    check_same_device(
        "batch_norm",
        {{"input", input}, {"weight", weight}, {"bias", bias}, {"running_mean", running_mean}, {"running_var", running_var}});
    return input.dim() >= 2 && input.dim() < kMaxRowSpaceRank && input.numel() > 0 && is_row_float(input.scalar_type()) &&
           input.is_contiguous() && type() == to_scalar_type(compute()) && fits(weight) && fits(bias) && fits(running_mean) &&
           fits(running_var) && running_mean.defined() == running_var.defined();
  }
};

/// An operand with one element per channel of a circuit over all of a batch; a missing one is a number.
Ref channels(Circuit& c, const Tensor& t, double otherwise) {
  if (!t.defined()) return c.add_scalar(otherwise);
  const Ref ref = c.add_operand(block_of(t), input_data(t), dtype_of(t));
  c.strides(ref)[1] = t.stride(0) * static_cast<int64_t>(t.element_size());
  return ref;
}

Ref rstd(ExprBuilder& b, Ref variance, double eps) { return b.node(Op::rsqrt, {b.add(variance, b.number(eps))}); }

// ---- forward ----

/// running = momentum * value + (1 - momentum) * running
void move_average(RowSpace& space, ExprBuilder& b, const Tensor& running, Ref value, double momentum) {
  const Ref news = b.node(Op::mul, {value, b.number(momentum)});
  const Ref old = b.node(Op::mul, {space.kept_input(running), b.number(1.0 - momentum)});
  space.kept_output(running, b.node(Op::add, {news, old}));
}

Three train(const Batch& batch, double momentum, double eps) {
  const Tensor& x = batch.input;
  Tensor y = empty(x.sizes(), x.scalar_type(), x.device());
  Tensor mean = empty(batch.channels(), batch.type(), x.device()), rstd = empty(batch.channels(), batch.type(), x.device());
  RowSpace space(x.sizes(), batch.row());
  Circuit& c = space.circuit();
  const DType type = batch.compute();
  const Ref input = space.input(x), weight = space.kept_input(batch.weight, 1.0), bias = space.kept_input(batch.bias, 0.0);
  const Ref result = c.add_node(Op::batch_norm, type, type, {input, weight, bias, c.add_scalar(eps)});
  space.output(y, space.converted(result, type, dtype_of(y)));
  space.kept_output(mean, static_cast<Ref>(result + 1));
  space.kept_output(rstd, static_cast<Ref>(result + 2));
  if (batch.running_mean.defined()) {
    ExprBuilder b{c, type};
    const auto count = static_cast<double>(batch.per_channel());
    move_average(space, b, batch.running_mean, static_cast<Ref>(result + 1), momentum);
    const Ref unbiased = b.node(Op::mul, {static_cast<Ref>(result + 3), c.add_scalar(count / (count - 1.0))});
    move_average(space, b, batch.running_var, unbiased, momentum);
  }
  space.submit(x);
  return {std::move(y), std::move(mean), std::move(rstd)};
}

Three evaluate(const Batch& batch, double eps) {
  const Tensor& x = batch.input;
  Tensor y = empty(x.sizes(), x.scalar_type(), x.device());
  Circuit c;
  set_sizes(c, x.sizes());
  ExprBuilder b{c, batch.compute()};
  const Ref centred = b.node(Op::sub, {add_input(c, x), channels(c, batch.running_mean, 0.0)});
  const Ref scale = b.node(Op::mul, {rstd(b, channels(c, batch.running_var, 1.0), eps), channels(c, batch.weight, 1.0)});
  const Ref result = b.node(Op::add, {b.node(Op::mul, {centred, scale}), channels(c, batch.bias, 0.0)});
  add_output(c, y, convert(c, result, b.compute(), dtype_of(y)));
  submit(c, x);
  return {std::move(y), empty({0}, batch.type(), x.device()), empty({0}, batch.type(), x.device())};
}

/// `otherwise` serves the rest.
template <class AtenOp, class Otherwise>
Three forward(const Batch& batch, bool training, double momentum, double eps, Otherwise otherwise) {
  if (!batch.is_computed() || !(training || batch.running_mean.defined())) return otherwise();
  count_compiled<AtenOp>();
  return training ? train(batch, momentum, eps) : evaluate(batch, eps);
}

Three native_batch_norm(const Tensor& input, const MaybeTensor& weight, const MaybeTensor& bias, const MaybeTensor& running_mean,
                        const MaybeTensor& running_var, bool training, double momentum, double eps) {
  using AtenOp = at::_ops::native_batch_norm;
  const Batch batch{input, tensor_or_undefined(weight), tensor_or_undefined(bias), tensor_or_undefined(running_mean),
                    tensor_or_undefined(running_var)};
  return forward<AtenOp>(batch, training, momentum, eps, [&] {
    return call_library<AtenOp>(input, weight, bias, running_mean, running_var, training, momentum, eps);
  });
}

Three batch_norm_legit(const Tensor& input, const MaybeTensor& weight, const MaybeTensor& bias, Tensor& running_mean,
                       Tensor& running_var, bool training, double momentum, double eps) {
  using AtenOp = at::_ops::_native_batch_norm_legit;
  const Batch batch{input, tensor_or_undefined(weight), tensor_or_undefined(bias), running_mean, running_var};
  return forward<AtenOp>(batch, training, momentum, eps, [&] {
    return call_library<AtenOp>(input, weight, bias, running_mean, running_var, training, momentum, eps);
  });
}

Three batch_norm_no_stats(const Tensor& input, const MaybeTensor& weight, const MaybeTensor& bias, bool training, double momentum,
                          double eps) {
  using AtenOp = at::_ops::_native_batch_norm_legit_no_stats;
  const Tensor none;
  const Batch batch{input, tensor_or_undefined(weight), tensor_or_undefined(bias), none, none};
  return forward<AtenOp>(batch, training, momentum, eps,
                         [&] { return call_library<AtenOp>(input, weight, bias, training, momentum, eps); });
}

// ---- backward ----

/// Gradients that are not wanted are not defined.
struct Gradients {
  Tensor input, weight, bias;

  Gradients(const Batch& batch, std::array<bool, 3> mask) {
    const Tensor& x = batch.input;
    if (mask[0]) input = empty(x.sizes(), x.scalar_type(), x.device());
    if (mask[1]) weight = empty(batch.channels(), batch.type(), x.device());
    if (mask[2]) bias = empty(batch.channels(), batch.type(), x.device());
  }
  bool any() const { return input.defined() || weight.defined() || bias.defined(); }
};

void train_backward(const Batch& batch, const Tensor& grad, const Tensor& mean, const Tensor& rstd, const Gradients& g) {
  RowSpace space(batch.input.sizes(), batch.row());
  Circuit& c = space.circuit();
  const DType type = batch.compute();
  const Ref args[] = {space.input(grad),
                      space.input(batch.input),
                      space.kept_input(mean),
                      space.kept_input(rstd),
                      space.kept_input(batch.weight, 1.0),
                      c.add_scalar(static_cast<double>(batch.per_channel()))};
  const Ref result = c.add_node(Op::batch_norm_backward, type, type, args, 6);
  if (g.input.defined()) space.output(g.input, space.converted(result, type, dtype_of(g.input)));
  if (g.weight.defined()) space.kept_output(g.weight, static_cast<Ref>(result + 1));
  if (g.bias.defined()) space.kept_output(g.bias, static_cast<Ref>(result + 2));
  space.submit(batch.input);
}

void evaluate_backward(const Batch& batch, const Tensor& grad, double eps, const Gradients& g) {
  if (g.input.defined()) {
    Circuit c;
    set_sizes(c, grad.sizes());
    ExprBuilder b{c, batch.compute()};
    const Ref scale = b.node(Op::mul, {rstd(b, channels(c, batch.running_var, 1.0), eps), channels(c, batch.weight, 1.0)});
    add_output(c, g.input, convert(c, b.node(Op::mul, {add_input(c, grad), scale}), b.compute(), dtype_of(g.input)));
    submit(c, grad);
  }
  if (!g.weight.defined() && !g.bias.defined()) return;
  RowSpace space(grad.sizes(), batch.row());
  ExprBuilder b{space.circuit(), batch.compute()};
  const Ref dy = space.input(grad);
  if (g.weight.defined()) {
    const Ref centred = b.node(Op::sub, {space.input(batch.input), space.kept_input(batch.running_mean)});
    const Ref total = b.node(Op::dot, {dy, centred});
    space.kept_output(g.weight, b.node(Op::mul, {total, rstd(b, space.kept_input(batch.running_var), eps)}));
  }
  if (g.bias.defined()) space.kept_output(g.bias, b.node(Op::sum, {dy}));
  space.submit(grad);
}

Three native_batch_norm_backward(const Tensor& grad, const Tensor& input, const MaybeTensor& weight, const MaybeTensor& running_mean,
                                 const MaybeTensor& running_var, const MaybeTensor& save_mean, const MaybeTensor& save_invstd,
                                 bool train, double eps, std::array<bool, 3> mask) {
  using AtenOp = at::_ops::native_batch_norm_backward;
  const Tensor none, &mean = tensor_or_undefined(save_mean), &rstd = tensor_or_undefined(save_invstd);
  const Batch batch{input, tensor_or_undefined(weight), none, tensor_or_undefined(running_mean), tensor_or_undefined(running_var)};
  const bool statistics = train ? mean.defined() && rstd.defined() && batch.fits(mean) && batch.fits(rstd) : batch.running_mean.defined();
  if (!batch.is_computed() || !statistics || grad.sizes() != input.sizes() || grad.scalar_type() != input.scalar_type() ||
      grad.device() != input.device())
    return call_library<AtenOp>(grad, input, weight, running_mean, running_var, save_mean, save_invstd, train, eps, mask);
  Gradients g(batch, mask);
  if (g.any()) {
    if (train) train_backward(batch, grad, mean, rstd, g);
    else evaluate_backward(batch, grad, eps, g);
  }
  count_compiled<AtenOp>();
  return {std::move(g.input), std::move(g.weight), std::move(g.bias)};
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::native_batch_norm, &native_batch_norm>(m);
  register_kernel<at::_ops::_native_batch_norm_legit, &batch_norm_legit>(m);
  register_kernel<at::_ops::_native_batch_norm_legit_no_stats, &batch_norm_no_stats>(m);
  register_kernel<at::_ops::native_batch_norm_backward, &native_batch_norm_backward>(m);
}

}  // namespace
}  // namespace hologram::aten
