// Row kernels with shapes of their own: layer_norm and rms_norm, and their backwards. One kernel each; the gradients of weight and
// bias are sums over the kept dims with the normalisation inside the same kernel. Those along one dim: row_kernel.h.
#include <ATen/native/layer_norm.h>
#include <ATen/ops/_fused_rms_norm_backward_ops.h>
#include <ATen/ops/_fused_rms_norm_ops.h>
#include <ATen/ops/native_layer_norm_backward_ops.h>
#include <ATen/ops/native_layer_norm_ops.h>

#include <array>
#include <limits>
#include <numeric>

#include "torch/aten/core/devices.h"
#include "torch/aten/core/product.h"
#include "torch/aten/ops/row_kernel.h"

namespace hologram::aten {
namespace {

// ---- layer_norm, rms_norm ----

/// The dims of `input` that `normalized` ends it with: the row.
DimMask normalized_dims(const at::Tensor& input, size_t normalized) {
  DimMask mask;
  for (int64_t d = input.dim() - static_cast<int64_t>(normalized); d < input.dim(); ++d) mask.set(static_cast<size_t>(d));
  return mask;
}

/// Mean and rstd keep the normalised dims with size 1.
c10::DimVector statistics_sizes(const at::Tensor& input, size_t normalized) {
  c10::DimVector sizes(input.sizes());
  for (size_t d = sizes.size() - normalized; d < sizes.size(); ++d) sizes[d] = 1;
  return sizes;
}

/// f16 and bf16 inputs may come with f32 parameters, and then have f32 statistics; otherwise there is one dtype.
bool parameter_fits(const at::Tensor& input, const at::Tensor& parameter) {
  return !parameter.defined() || parameter.scalar_type() == input.scalar_type() ||
         (at::isReducedFloatingType(input.scalar_type()) && parameter.scalar_type() == at::kFloat);
}
bool computes_norm(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias) {
  return has_float_rows(input) && input.numel() > 0 && parameter_fits(input, weight) && parameter_fits(input, bias) &&
         (!weight.defined() || !bias.defined() || weight.scalar_type() == bias.scalar_type());
}
c10::ScalarType statistics_type(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias) {
  if (weight.defined()) return weight.scalar_type();
  return bias.defined() ? bias.scalar_type() : input.scalar_type();
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> native_layer_norm(const at::Tensor& input, c10::IntArrayRef normalized_shape,
                                                                 const MaybeTensor& weight_opt, const MaybeTensor& bias_opt, double eps) {
  using AtenOp = at::_ops::native_layer_norm;
  const at::Tensor &weight = tensor_or_undefined(weight_opt), &bias = tensor_or_undefined(bias_opt);
  check_same_device("native_layer_norm", {{"input", input}, {"weight", weight}, {"bias", bias}});
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, bias);
  if (!computes_norm(input, weight, bias))
    return call_native<AtenOp>(input, c10::fromIntArrayRefSlow(normalized_shape), weight_opt, bias_opt, eps);
  const c10::DimVector statistics = statistics_sizes(input, normalized_shape.size());
  const c10::ScalarType type = statistics_type(input, weight, bias);
  at::Tensor y = empty(input.sizes(), input.scalar_type(), input.device());
  at::Tensor mean = empty(statistics, type, input.device()), rstd = empty(statistics, type, input.device());

  RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
  Circuit& circuit = space.circuit();
  const Ref x = space.input(input), w = space.row_input(weight, 1.0), b = space.row_input(bias, 0.0);
  const DType statistic = to_dtype(type);
  const Ref result = circuit.add_node(Op::layer_norm, compute_type(dtype_of(input)), statistic, {x, w, b, circuit.add_scalar(eps)});
  space.output(y, space.converted(result, statistic, dtype_of(y)));
  space.kept_output(mean, static_cast<Ref>(result + 1));
  space.kept_output(rstd, static_cast<Ref>(result + 2));
  space.submit(input);
  count_compiled<AtenOp>();
  return {std::move(y), std::move(mean), std::move(rstd)};
}

/// Sums over the outer dims of dy * xhat and of dy, in one kernel. xhat = (x - mean) * rstd; no mean: x * rstd.
void parameter_gradients(const at::Tensor& dy, const at::Tensor& input, const at::Tensor& mean, const at::Tensor& rstd,
                         size_t normalized, const at::Tensor& grad_weight, const at::Tensor& grad_bias) {
  RowSpace space(input.sizes(), ~normalized_dims(input, normalized));
  Circuit& circuit = space.circuit();
  const DType compute = compute_type(dtype_of(input));
  const Ref g = space.input(dy);
  if (grad_weight.defined()) {
    Ref xhat = space.input(input);
    if (mean.defined()) xhat = circuit.add_node(Op::sub, compute, compute, {xhat, space.input(mean)});
    xhat = circuit.add_node(Op::mul, compute, compute, {xhat, space.input(rstd)});
    const Ref product = circuit.add_node(Op::mul, compute, compute, {g, xhat});
    space.kept_output(grad_weight, circuit.add_node(Op::sum, compute, dtype_of(grad_weight), {product}));
  }
  if (grad_bias.defined()) space.kept_output(grad_bias, circuit.add_node(Op::sum, compute, dtype_of(grad_bias), {g}));
  space.submit(input);
}

/// Kernels read one statistic per row, torch's without a look at how many there are.
void check_statistics(const char* name, const at::Tensor& input, c10::IntArrayRef normalized_shape, const at::Tensor& statistic) {
  if (!statistic.defined()) return;
  const int64_t rows = c10::multiply_integers(statistics_sizes(input, normalized_shape.size()));
  TORCH_CHECK(statistic.numel() == rows, "hologram.", name, ": a statistic has ", statistic.numel(), " elements, the input has ", rows,
              " rows. Pass the mean and rstd that the forward op returned.");
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> native_layer_norm_backward(
    const at::Tensor& dy, const at::Tensor& input, c10::IntArrayRef normalized_shape, const at::Tensor& mean,
    const at::Tensor& rstd, const MaybeTensor& weight_opt, const MaybeTensor& bias_opt, std::array<bool, 3> mask) {
  using AtenOp = at::_ops::native_layer_norm_backward;
  const at::Tensor &weight = tensor_or_undefined(weight_opt), &bias = tensor_or_undefined(bias_opt);
  check_same_device("native_layer_norm_backward",
                    {{"grad_out", dy}, {"input", input}, {"mean", mean}, {"rstd", rstd}, {"weight", weight}, {"bias", bias}});
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, bias);
  check_statistics("native_layer_norm_backward", input, normalized_shape, mean);
  check_statistics("native_layer_norm_backward", input, normalized_shape, rstd);
  if (!computes_norm(input, weight, bias) || !has_float_rows(dy) || dy.sizes() != input.sizes())
    return call_native<AtenOp>(dy, input, c10::fromIntArrayRefSlow(normalized_shape), mean, rstd, weight_opt, bias_opt, mask);

  at::Tensor grad_input, grad_weight, grad_bias;
  if (mask[0]) {
    grad_input = empty(input.sizes(), input.scalar_type(), input.device());
    RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
    const Ref args[] = {space.input(dy), space.input(input), space.input(mean), space.input(rstd), space.row_input(weight, 1.0)};
    space.output(grad_input, space.circuit().add_node(Op::layer_norm_backward_input, compute_type(dtype_of(input)),
                                                      dtype_of(grad_input), args, 5));
    space.submit(input);
  }
  if (mask[1] && weight.defined()) grad_weight = empty(normalized_shape, weight.scalar_type(), input.device());
  if (mask[2] && bias.defined()) grad_bias = empty(normalized_shape, bias.scalar_type(), input.device());
  if (grad_weight.defined() || grad_bias.defined())
    parameter_gradients(dy, input, mean, rstd, normalized_shape.size(), grad_weight, grad_bias);
  count_compiled<AtenOp>();
  return {std::move(grad_input), std::move(grad_weight), std::move(grad_bias)};
}

/// The statistics of rms_norm are f32 for f16 and bf16, and so is the epsilon that stands for an eps not given.
c10::ScalarType rms_statistics_type(const at::Tensor& input) { return to_scalar_type(compute_type(dtype_of(input))); }
double default_eps(const at::Tensor& input) {
  return input.scalar_type() == at::kDouble ? std::numeric_limits<double>::epsilon()
                                            : static_cast<double>(std::numeric_limits<float>::epsilon());
}

bool computes_rms_norm(const at::Tensor& input, const at::Tensor& weight) {
  return has_float_rows(input) && input.numel() > 0 && (!weight.defined() || weight.scalar_type() == input.scalar_type());
}

std::tuple<at::Tensor, at::Tensor> fused_rms_norm(const at::Tensor& input, c10::IntArrayRef normalized_shape,
                                                  const MaybeTensor& weight_opt, std::optional<double> eps) {
  using AtenOp = at::_ops::_fused_rms_norm;
  const at::Tensor& weight = tensor_or_undefined(weight_opt);
  check_same_device("_fused_rms_norm", {{"input", input}, {"weight", weight}});
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, at::Tensor());
  if (!computes_rms_norm(input, weight)) return call_native<AtenOp>(input, normalized_shape, weight_opt, eps);
  at::Tensor rstd = empty(statistics_sizes(input, normalized_shape.size()), rms_statistics_type(input), input.device());
  // The CPU's products of a contiguous copy: only dims of size 1 leave room for other strides.
  at::Tensor y = input.is_contiguous() ? empty_product(input, rstd) : empty(input.sizes(), input.scalar_type(), input.device());
  if (weight.defined() && input.is_contiguous()) y = empty_product(y, weight);
  RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
  Circuit& circuit = space.circuit();
  const Ref x = space.input(input), w = space.row_input(weight, 1.0);
  const Ref e = circuit.add_scalar(eps.value_or(default_eps(input)));
  const Ref result = circuit.add_node(Op::rms_norm, dtype_of(rstd), dtype_of(rstd), {x, w, e});
  space.output(y, space.converted(result, dtype_of(rstd), dtype_of(y)));
  space.kept_output(rstd, static_cast<Ref>(result + 1));
  space.submit(input);
  count_compiled<AtenOp>();
  return {std::move(y), std::move(rstd)};
}

/// The gradients of what the row kernel does not serve (empty inputs, many dims). torch's CPU has no kernel for them: there
/// autograd differentiates the ops that rms_norm is made of.
std::tuple<at::Tensor, at::Tensor> rms_norm_backward_by_ops(const at::Tensor& dy, const at::Tensor& input,
                                                            size_t normalized, const at::Tensor& rstd,
                                                            const at::Tensor& weight, std::array<bool, 2> mask) {
  c10::DimVector outer(static_cast<size_t>(input.dim()) - normalized), inner(normalized);
  std::iota(outer.begin(), outer.end(), 0);
  std::iota(inner.begin(), inner.end(), static_cast<int64_t>(outer.size()));
  const at::Tensor normal = input.mul(rstd);
  at::Tensor grad_input, grad_weight;
  if (mask[0]) {
    const at::Tensor g = weight.defined() ? dy.mul(weight) : dy;
    grad_input = g.sub(normal.mul(g.mul(normal).mean(inner, /*keepdim=*/true))).mul(rstd).to(input.scalar_type());
  }
  if (mask[1] && weight.defined()) {
    const at::Tensor products = dy.mul(normal);
    grad_weight = (outer.empty() ? products : products.sum(outer)).to(weight.scalar_type());
  }
  return {std::move(grad_input), std::move(grad_weight)};
}

std::tuple<at::Tensor, at::Tensor> fused_rms_norm_backward(const at::Tensor& dy, const at::Tensor& input,
                                                           c10::IntArrayRef normalized_shape, const at::Tensor& rstd,
                                                           const MaybeTensor& weight_opt, std::array<bool, 2> mask) {
  using AtenOp = at::_ops::_fused_rms_norm_backward;
  const at::Tensor& weight = tensor_or_undefined(weight_opt);
  check_same_device("_fused_rms_norm_backward", {{"grad_out", dy}, {"input", input}, {"rstd", rstd}, {"weight", weight}});
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, at::Tensor());
  check_statistics("_fused_rms_norm_backward", input, normalized_shape, rstd);
  if (!computes_rms_norm(input, weight) || !has_float_rows(dy) || dy.sizes() != input.sizes())
    return rms_norm_backward_by_ops(dy, input, normalized_shape.size(), rstd, weight, mask);
  at::Tensor grad_input, grad_weight;
  if (mask[0]) {
    grad_input = empty(input.sizes(), input.scalar_type(), input.device());
    RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
    const Ref args[] = {space.input(dy), space.input(input), space.input(rstd), space.row_input(weight, 1.0)};
    space.output(grad_input, space.circuit().add_node(Op::rms_norm_backward_input, compute_type(dtype_of(input)),
                                                      dtype_of(grad_input), args, 4));
    space.submit(input);
  }
  if (mask[1] && weight.defined()) {
    grad_weight = empty(normalized_shape, weight.scalar_type(), input.device());
    parameter_gradients(dy, input, at::Tensor(), rstd, normalized_shape.size(), grad_weight, at::Tensor());
  }
  count_compiled<AtenOp>();
  return {std::move(grad_input), std::move(grad_weight)};
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::native_layer_norm, &native_layer_norm>(m);
  register_kernel<at::_ops::native_layer_norm_backward, &native_layer_norm_backward>(m);
  register_kernel<at::_ops::_fused_rms_norm, &fused_rms_norm>(m);
  register_kernel<at::_ops::_fused_rms_norm_backward, &fused_rms_norm_backward>(m);
}

}  // namespace
}  // namespace hologram::aten
