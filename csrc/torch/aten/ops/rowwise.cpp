// Row kernels: softmax and log_softmax, layer_norm and rms_norm, and their backwards. One kernel each; the gradients of
// weight and bias are sums over the kept dims with the normalisation inside the same kernel.
#include <ATen/WrapDimUtils.h>
#include <ATen/core/op_registration/adaption.h>
#include <ATen/native/layer_norm.h>
#include <ATen/ops/_fused_rms_norm_backward_ops.h>
#include <ATen/ops/_fused_rms_norm_ops.h>
#include <ATen/ops/_log_softmax_backward_data_meta.h>
#include <ATen/ops/_log_softmax_backward_data_ops.h>
#include <ATen/ops/_log_softmax_meta.h>
#include <ATen/ops/_log_softmax_ops.h>
#include <ATen/ops/_softmax_backward_data_meta.h>
#include <ATen/ops/_softmax_backward_data_ops.h>
#include <ATen/ops/_softmax_meta.h>
#include <ATen/ops/_softmax_ops.h>
#include <ATen/ops/native_layer_norm_backward_ops.h>
#include <ATen/ops/native_layer_norm_ops.h>

#include <array>
#include <limits>
#include <numeric>

#include "torch/aten/core/product.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"
#include "torch/aten/core/structured.h"

namespace hologram::aten {
namespace {

bool computes(const at::Tensor& t) {
  return is_row_float(t.scalar_type()) && t.dim() <= kMaxRowSpaceRank && t.layout() == at::kStrided;
}

template <class... T>
void check_same_device(at::CheckedFrom op, const T&... tensors) {
  std::optional<c10::Device> device;
  (c10::impl::check_and_update_common_device(device, tensors, op, "input"), ...);
}

// ---- softmax, log_softmax ----

struct Softmax {
  static constexpr Op op = Op::softmax;
  using Meta = at::meta::structured__softmax;
  using Functional = at::_ops::_softmax;
  using Out = at::_ops::_softmax_out;
};
struct LogSoftmax {
  static constexpr Op op = Op::log_softmax;
  using Meta = at::meta::structured__log_softmax;
  using Functional = at::_ops::_log_softmax;
  using Out = at::_ops::_log_softmax_out;
};
struct SoftmaxBackward {
  static constexpr Op op = Op::softmax_backward;
  using Meta = at::meta::structured__softmax_backward_data;
  using Functional = at::_ops::_softmax_backward_data;
  using Out = at::_ops::_softmax_backward_data_out;
};
struct LogSoftmaxBackward {
  static constexpr Op op = Op::log_softmax_backward;
  using Meta = at::meta::structured__log_softmax_backward_data;
  using Functional = at::_ops::_log_softmax_backward_data;
  using Out = at::_ops::_log_softmax_backward_data_out;
};

/// One row kernel along `dim` over inputs of one shape.
void run_along(Op op, int64_t dim, std::initializer_list<const at::Tensor*> inputs, const at::Tensor& out) {
  const at::Tensor& first = **inputs.begin();
  if (first.numel() == 0) return;
  RowSpace space(first.sizes(), DimMask(1ull << at::maybe_wrap_dim(dim, first.dim())));
  Ref args[kMaxArgs];
  size_t nargs = 0;
  for (const at::Tensor* input : inputs) args[nargs++] = space.input(*input);
  space.output(out, space.circuit().add_node(op, compute_type(dtype_of(first)), dtype_of(out), args, nargs));
  space.submit(first);
}

template <class Row>
struct SoftmaxKernel {
  /// Converting half to float inside the kernel is a CUDA affair; torch's CPU kernel says so.
  static bool takes(const at::Tensor& self, bool half_to_float) { return computes(self) && !half_to_float; }

  template <class AtenOp>
  static void run(Structured<typename Row::Meta>& result, const at::Tensor& self, int64_t dim, bool half_to_float) {
    result.meta(self, dim, half_to_float);
    run_along(Row::op, dim, {&self}, result[0]);
    count_compiled<AtenOp>();
  }

  static at::Tensor functional(const at::Tensor& self, int64_t dim, bool half_to_float) {
    using AtenOp = typename Row::Functional;
    if (!takes(self, half_to_float)) return call_native<AtenOp>(self, dim, half_to_float);
    Structured<typename Row::Meta> result;
    run<AtenOp>(result, self, dim, half_to_float);
    return result.take();
  }

  static at::Tensor& out(const at::Tensor& self, int64_t dim, bool half_to_float, at::Tensor& out) {
    using AtenOp = typename Row::Out;
    if (!takes(self, half_to_float)) return call_native<AtenOp>(self, dim, half_to_float, out);
    Structured<typename Row::Meta> result(out);
    run<AtenOp>(result, self, dim, half_to_float);
    return out;
  }
};

template <class Row>
struct SoftmaxBackwardKernel {
  static bool takes(const at::Tensor& grad, const at::Tensor& output, c10::ScalarType input_dtype) {
    check_same_device(Row::Functional::name, grad, output);
    TORCH_CHECK(grad.numel() == output.numel(), Row::Functional::name, ": Expected grad_output of size ",
                output.sizes(), ", got ", grad.sizes());
    return computes(grad) && computes(output) && grad.scalar_type() == input_dtype && grad.sizes() == output.sizes();
  }

  template <class AtenOp>
  static void run(Structured<typename Row::Meta>& result, const at::Tensor& grad, const at::Tensor& output, int64_t dim,
                  c10::ScalarType input_dtype) {
    result.meta(grad, output, dim, input_dtype);
    run_along(Row::op, dim, {&grad, &output}, result[0]);
    count_compiled<AtenOp>();
  }

  static at::Tensor functional(const at::Tensor& grad, const at::Tensor& output, int64_t dim, c10::ScalarType input_dtype) {
    using AtenOp = typename Row::Functional;
    if (!takes(grad, output, input_dtype)) return call_native<AtenOp>(grad, output, dim, input_dtype);
    Structured<typename Row::Meta> result;
    run<AtenOp>(result, grad, output, dim, input_dtype);
    return result.take();
  }

  static at::Tensor& out(const at::Tensor& grad, const at::Tensor& output, int64_t dim, c10::ScalarType input_dtype,
                         at::Tensor& grad_input) {
    using AtenOp = typename Row::Out;
    if (!takes(grad, output, input_dtype)) return call_native<AtenOp>(grad, output, dim, input_dtype, grad_input);
    Structured<typename Row::Meta> result(grad_input);
    run<AtenOp>(result, grad, output, dim, input_dtype);
    return grad_input;
  }
};

template <class Row, template <class> class Kernel>
void serve_softmax(torch::Library& m) {
  register_kernel<typename Row::Functional, &Kernel<Row>::functional>(m);
  register_kernel<typename Row::Out, &Kernel<Row>::out>(m);
}

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
  return computes(input) && input.numel() > 0 && parameter_fits(input, weight) && parameter_fits(input, bias) &&
         (!weight.defined() || !bias.defined() || weight.scalar_type() == bias.scalar_type());
}
c10::ScalarType statistics_type(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias) {
  if (weight.defined()) return weight.scalar_type();
  return bias.defined() ? bias.scalar_type() : input.scalar_type();
}

/// The row kernel's view of a parameter: an operand along the row, or the number that changes nothing.
Ref parameter(RowSpace& space, const at::Tensor& t, double neutral) {
  return t.defined() ? space.row_input(t) : space.circuit().add_scalar(neutral);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> native_layer_norm(const at::Tensor& input, c10::IntArrayRef normalized_shape,
                                                                 const MaybeTensor& weight_opt, const MaybeTensor& bias_opt, double eps) {
  using AtenOp = at::_ops::native_layer_norm;
  const at::Tensor &weight = tensor_or_undefined(weight_opt), &bias = tensor_or_undefined(bias_opt);
  check_same_device("native_layer_norm", input, weight, bias);
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, bias);
  if (!computes_norm(input, weight, bias))
    return call_native<AtenOp>(input, c10::fromIntArrayRefSlow(normalized_shape), weight_opt, bias_opt, eps);
  const c10::DimVector statistics = statistics_sizes(input, normalized_shape.size());
  const c10::ScalarType type = statistics_type(input, weight, bias);
  at::Tensor y = empty(input.sizes(), input.scalar_type(), input.device());
  at::Tensor mean = empty(statistics, type, input.device()), rstd = empty(statistics, type, input.device());

  RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
  Circuit& circuit = space.circuit();
  const Ref x = space.input(input), w = parameter(space, weight, 1.0), b = parameter(space, bias, 0.0);
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
  check_same_device("native_layer_norm_backward", dy, input, mean, rstd, weight, bias);
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, bias);
  check_statistics("native_layer_norm_backward", input, normalized_shape, mean);
  check_statistics("native_layer_norm_backward", input, normalized_shape, rstd);
  if (!computes_norm(input, weight, bias) || !computes(dy) || dy.sizes() != input.sizes())
    return call_native<AtenOp>(dy, input, c10::fromIntArrayRefSlow(normalized_shape), mean, rstd, weight_opt, bias_opt, mask);

  at::Tensor grad_input, grad_weight, grad_bias;
  if (mask[0]) {
    grad_input = empty(input.sizes(), input.scalar_type(), input.device());
    RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
    const Ref args[] = {space.input(dy), space.input(input), space.input(mean), space.input(rstd), parameter(space, weight, 1.0)};
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
  return computes(input) && input.numel() > 0 && (!weight.defined() || weight.scalar_type() == input.scalar_type());
}

std::tuple<at::Tensor, at::Tensor> fused_rms_norm(const at::Tensor& input, c10::IntArrayRef normalized_shape,
                                                  const MaybeTensor& weight_opt, std::optional<double> eps) {
  using AtenOp = at::_ops::_fused_rms_norm;
  const at::Tensor& weight = tensor_or_undefined(weight_opt);
  check_same_device("_fused_rms_norm", input, weight);
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, at::Tensor());
  if (!computes_rms_norm(input, weight)) return call_native<AtenOp>(input, normalized_shape, weight_opt, eps);
  at::Tensor rstd = empty(statistics_sizes(input, normalized_shape.size()), rms_statistics_type(input), input.device());
  // The CPU's products of a contiguous copy: only dims of size 1 leave room for other strides.
  at::Tensor y = input.is_contiguous() ? empty_product(input, rstd) : empty(input.sizes(), input.scalar_type(), input.device());
  if (weight.defined() && input.is_contiguous()) y = empty_product(y, weight);
  RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
  Circuit& circuit = space.circuit();
  const Ref x = space.input(input), w = parameter(space, weight, 1.0);
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
  check_same_device("_fused_rms_norm_backward", dy, input, rstd, weight);
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, at::Tensor());
  check_statistics("_fused_rms_norm_backward", input, normalized_shape, rstd);
  if (!computes_rms_norm(input, weight) || !computes(dy) || dy.sizes() != input.sizes())
    return rms_norm_backward_by_ops(dy, input, normalized_shape.size(), rstd, weight, mask);
  at::Tensor grad_input, grad_weight;
  if (mask[0]) {
    grad_input = empty(input.sizes(), input.scalar_type(), input.device());
    RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
    const Ref args[] = {space.input(dy), space.input(input), space.input(rstd), parameter(space, weight, 1.0)};
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
  serve_softmax<Softmax, SoftmaxKernel>(m);
  serve_softmax<LogSoftmax, SoftmaxKernel>(m);
  serve_softmax<SoftmaxBackward, SoftmaxBackwardKernel>(m);
  serve_softmax<LogSoftmaxBackward, SoftmaxBackwardKernel>(m);
  register_kernel<at::_ops::native_layer_norm, &native_layer_norm>(m);
  register_kernel<at::_ops::native_layer_norm_backward, &native_layer_norm_backward>(m);
  register_kernel<at::_ops::_fused_rms_norm, &fused_rms_norm>(m);
  register_kernel<at::_ops::_fused_rms_norm_backward, &fused_rms_norm_backward>(m);
}

}  // namespace
}  // namespace hologram::aten
