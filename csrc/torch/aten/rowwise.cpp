// Row kernels: softmax and log_softmax, layer_norm and rms_norm, and their backwards. One kernel each; the gradients of
// weight and bias are sums over the kept dims with the normalisation inside the same kernel.
#include <ATen/WrapDimUtils.h>
#include <ATen/core/op_registration/adaption.h>
#include <ATen/ops/_log_softmax_backward_data_meta.h>
#include <ATen/ops/_log_softmax_meta.h>
#include <ATen/ops/_softmax_backward_data_meta.h>
#include <ATen/ops/_softmax_meta.h>
#include <ATen/native/layer_norm.h>
#include <torch/library.h>

#include <array>
#include <limits>

#include "torch/aten/boxed.h"
#include "torch/aten/row_space.h"
#include "torch/aten/structured.h"

namespace hologram::aten {
namespace {

void count(OpStat& stat) { stat.compiled.fetch_add(1, std::memory_order_relaxed); }

DimMask row_of(const at::Tensor& t, int64_t dim) { return DimMask(1ull << at::maybe_wrap_dim(dim, t.dim())); }

bool computes(const at::Tensor& t) { return is_row_float(t.scalar_type()) && t.dim() <= kMaxRowSpaceRank && t.layout() == at::kStrided; }

template <class... T>
void check_same_device(at::CheckedFrom op, const T&... tensors) {
  std::optional<c10::Device> device;
  (c10::impl::check_and_update_common_device(device, tensors, op, "input"), ...);
}

// ---- softmax, log_softmax ----

struct Softmax {
  Op op;
  Overload functional, out;
};
constexpr Softmax kSoftmax{Op::softmax, {"aten::_softmax", ""}, {"aten::_softmax", "out"}};
constexpr Softmax kLogSoftmax{Op::log_softmax, {"aten::_log_softmax", ""}, {"aten::_log_softmax", "out"}};

/// Converting half to float inside the kernel is a CUDA affair; torch's CPU kernel says so.
bool computes_softmax(const at::Tensor& self, bool half_to_float) { return computes(self) && !half_to_float; }

void softmax_into(const Softmax& s, const at::Tensor& self, int64_t dim, const at::Tensor& out) {
  if (self.numel() == 0) return;
  RowSpace space(self.sizes(), row_of(self, dim));
  const Ref x = space.input(self);
  space.output(out, space.circuit().add_node(s.op, math_type(dtype_of(self)), dtype_of(out), {x}));
  space.submit(self);
}

template <class Meta>
at::Tensor softmax_functional(const Softmax& s, OpStat& stat, const at::Tensor& self, int64_t dim, bool half_to_float) {
  if (!computes_softmax(self, half_to_float)) return delegate_tensor(s.functional, self, dim, half_to_float);
  Structured<Meta> result;
  result.meta(self, dim, half_to_float);
  softmax_into(s, self, dim, result[0]);
  count(stat);
  return result.take();
}

template <class Meta>
at::Tensor& softmax_out(const Softmax& s, OpStat& stat, const at::Tensor& self, int64_t dim, bool half_to_float, at::Tensor& out) {
  if (!computes_softmax(self, half_to_float)) {
    delegate_call(s.out, self, dim, half_to_float, out);
    return out;
  }
  Structured<Meta> result(out);
  result.meta(self, dim, half_to_float);
  result.check_overlap(self);
  softmax_into(s, self, dim, out);
  count(stat);
  return out;
}

at::Tensor softmax(const at::Tensor& self, int64_t dim, bool half_to_float) {
  static OpStat& stat = op_stat("_softmax");
  return softmax_functional<at::meta::structured__softmax>(kSoftmax, stat, self, dim, half_to_float);
}
at::Tensor& softmax_to(const at::Tensor& self, int64_t dim, bool half_to_float, at::Tensor& out) {
  static OpStat& stat = op_stat("_softmax.out");
  return softmax_out<at::meta::structured__softmax>(kSoftmax, stat, self, dim, half_to_float, out);
}
at::Tensor log_softmax(const at::Tensor& self, int64_t dim, bool half_to_float) {
  static OpStat& stat = op_stat("_log_softmax");
  return softmax_functional<at::meta::structured__log_softmax>(kLogSoftmax, stat, self, dim, half_to_float);
}
at::Tensor& log_softmax_to(const at::Tensor& self, int64_t dim, bool half_to_float, at::Tensor& out) {
  static OpStat& stat = op_stat("_log_softmax.out");
  return softmax_out<at::meta::structured__log_softmax>(kLogSoftmax, stat, self, dim, half_to_float, out);
}

struct SoftmaxBackward {
  Op op;
  const char* name;
  Overload functional, out;
};
constexpr SoftmaxBackward kSoftmaxBackward{Op::softmax_backward, "_softmax_backward_data",
                                           {"aten::_softmax_backward_data", ""}, {"aten::_softmax_backward_data", "out"}};
constexpr SoftmaxBackward kLogSoftmaxBackward{Op::log_softmax_backward, "_log_softmax_backward_data",
                                              {"aten::_log_softmax_backward_data", ""}, {"aten::_log_softmax_backward_data", "out"}};

bool computes_softmax_backward(const at::Tensor& grad, const at::Tensor& output, c10::ScalarType input_dtype) {
  return computes(grad) && computes(output) && grad.scalar_type() == input_dtype && grad.sizes() == output.sizes();
}

void softmax_backward_into(const SoftmaxBackward& s, const at::Tensor& grad, const at::Tensor& output, int64_t dim,
                           const at::Tensor& grad_input) {
  if (grad.numel() == 0) return;
  RowSpace space(grad.sizes(), row_of(grad, dim));
  const Ref dy = space.input(grad), y = space.input(output);
  space.output(grad_input, space.circuit().add_node(s.op, math_type(dtype_of(grad)), dtype_of(grad_input), {dy, y}));
  space.submit(grad);
}

template <class Meta>
at::Tensor softmax_backward_functional(const SoftmaxBackward& s, OpStat& stat, const at::Tensor& grad, const at::Tensor& output,
                                       int64_t dim, c10::ScalarType input_dtype) {
  check_same_device(s.name, grad, output);
  if (!computes_softmax_backward(grad, output, input_dtype)) return delegate_tensor(s.functional, grad, output, dim, input_dtype);
  Structured<Meta> result;
  result.meta(grad, output, dim, input_dtype);
  softmax_backward_into(s, grad, output, dim, result[0]);
  count(stat);
  return result.take();
}

template <class Meta>
at::Tensor& softmax_backward_out(const SoftmaxBackward& s, OpStat& stat, const at::Tensor& grad, const at::Tensor& output,
                                 int64_t dim, c10::ScalarType input_dtype, at::Tensor& grad_input) {
  check_same_device(s.name, grad, output);
  if (!computes_softmax_backward(grad, output, input_dtype)) {
    delegate_call(s.out, grad, output, dim, input_dtype, grad_input);
    return grad_input;
  }
  Structured<Meta> result(grad_input);
  result.meta(grad, output, dim, input_dtype);
  result.check_overlap(grad);
  result.check_overlap(output);
  softmax_backward_into(s, grad, output, dim, grad_input);
  count(stat);
  return grad_input;
}

at::Tensor softmax_backward(const at::Tensor& grad, const at::Tensor& output, int64_t dim, c10::ScalarType dtype) {
  static OpStat& stat = op_stat("_softmax_backward_data");
  return softmax_backward_functional<at::meta::structured__softmax_backward_data>(kSoftmaxBackward, stat, grad, output, dim, dtype);
}
at::Tensor& softmax_backward_to(const at::Tensor& grad, const at::Tensor& output, int64_t dim, c10::ScalarType dtype, at::Tensor& out) {
  static OpStat& stat = op_stat("_softmax_backward_data.out");
  return softmax_backward_out<at::meta::structured__softmax_backward_data>(kSoftmaxBackward, stat, grad, output, dim, dtype, out);
}
at::Tensor log_softmax_backward(const at::Tensor& grad, const at::Tensor& output, int64_t dim, c10::ScalarType dtype) {
  static OpStat& stat = op_stat("_log_softmax_backward_data");
  return softmax_backward_functional<at::meta::structured__log_softmax_backward_data>(kLogSoftmaxBackward, stat, grad, output, dim, dtype);
}
at::Tensor& log_softmax_backward_to(const at::Tensor& grad, const at::Tensor& output, int64_t dim, c10::ScalarType dtype,
                                    at::Tensor& out) {
  static OpStat& stat = op_stat("_log_softmax_backward_data.out");
  return softmax_backward_out<at::meta::structured__log_softmax_backward_data>(kLogSoftmaxBackward, stat, grad, output, dim, dtype, out);
}

// ---- layer_norm, rms_norm ----

using MaybeTensor = std::optional<at::Tensor>;
const at::Tensor& tensor_or_undefined(const MaybeTensor& t) {
  static const at::Tensor undefined;
  return t ? *t : undefined;
}

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
  static OpStat& stat = op_stat("native_layer_norm");
  const at::Tensor &weight = tensor_or_undefined(weight_opt), &bias = tensor_or_undefined(bias_opt);
  check_same_device("native_layer_norm", input, weight, bias);
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, bias);
  if (!computes_norm(input, weight, bias))
    return delegate_triple({"aten::native_layer_norm", ""}, input, normalized_shape, weight_opt, bias_opt, eps);
  const c10::DimVector statistics = statistics_sizes(input, normalized_shape.size());
  const c10::ScalarType type = statistics_type(input, weight, bias);
  at::Tensor y = empty(input.sizes(), input.scalar_type(), input.device());
  at::Tensor mean = empty(statistics, type, input.device()), rstd = empty(statistics, type, input.device());

  RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
  Circuit& circuit = space.circuit();
  const Ref x = space.input(input), w = parameter(space, weight, 1.0), b = parameter(space, bias, 0.0);
  const Ref result = circuit.add_node(Op::layer_norm, math_type(dtype_of(input)), dtype_of(y), {x, w, b, circuit.add_scalar(eps)});
  space.output(y, result);
  space.kept_output(mean, static_cast<Ref>(result + 1));
  space.kept_output(rstd, static_cast<Ref>(result + 2));
  space.submit(input);
  count(stat);
  return {std::move(y), std::move(mean), std::move(rstd)};
}

/// Sums over the outer dims of dy * xhat and of dy, in one kernel. xhat = (x - mean) * rstd; no mean: x * rstd.
void parameter_gradients(const at::Tensor& dy, const at::Tensor& input, const at::Tensor& mean, const at::Tensor& rstd,
                         size_t normalized, const at::Tensor& grad_weight, const at::Tensor& grad_bias) {
  RowSpace space(input.sizes(), ~normalized_dims(input, normalized));
  Circuit& circuit = space.circuit();
  const DType compute = math_type(dtype_of(input));
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

std::tuple<at::Tensor, at::Tensor, at::Tensor> native_layer_norm_backward(
    const at::Tensor& dy, const at::Tensor& input, c10::IntArrayRef normalized_shape, const at::Tensor& mean,
    const at::Tensor& rstd, const MaybeTensor& weight_opt, const MaybeTensor& bias_opt, std::array<bool, 3> mask) {
  static OpStat& stat = op_stat("native_layer_norm_backward");
  const at::Tensor &weight = tensor_or_undefined(weight_opt), &bias = tensor_or_undefined(bias_opt);
  check_same_device("native_layer_norm_backward", dy, input, mean, rstd, weight, bias);
  at::native::_check_layer_norm_inputs(input, normalized_shape, weight, bias);
  if (!computes_norm(input, weight, bias) || !computes(dy) || dy.sizes() != input.sizes())
    return delegate_triple({"aten::native_layer_norm_backward", ""}, dy, input, normalized_shape, mean, rstd, weight_opt, bias_opt, mask);

  at::Tensor grad_input, grad_weight, grad_bias;
  if (mask[0]) {
    grad_input = empty(input.sizes(), input.scalar_type(), input.device());
    RowSpace space(input.sizes(), normalized_dims(input, normalized_shape.size()));
    const Ref args[] = {space.input(dy), space.input(input), space.input(mean), space.input(rstd), parameter(space, weight, 1.0)};
    space.output(grad_input, space.circuit().add_node(Op::layer_norm_backward_input, math_type(dtype_of(input)),
                                                      dtype_of(grad_input), args, 5));
    space.submit(input);
  }
  if (mask[1] && weight.defined()) grad_weight = empty(normalized_shape, weight.scalar_type(), input.device());
  if (mask[2] && bias.defined()) grad_bias = empty(normalized_shape, bias.scalar_type(), input.device());
  if (grad_weight.defined() || grad_bias.defined())
    parameter_gradients(dy, input, mean, rstd, normalized_shape.size(), grad_weight, grad_bias);
  count(stat);
  return {std::move(grad_input), std::move(grad_weight), std::move(grad_bias)};
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("_softmax", TORCH_FN(softmax));
  m.impl("_softmax.out", TORCH_FN(softmax_to));
  m.impl("_log_softmax", TORCH_FN(log_softmax));
  m.impl("_log_softmax.out", TORCH_FN(log_softmax_to));
  m.impl("_softmax_backward_data", TORCH_FN(softmax_backward));
  m.impl("_softmax_backward_data.out", TORCH_FN(softmax_backward_to));
  m.impl("_log_softmax_backward_data", TORCH_FN(log_softmax_backward));
  m.impl("_log_softmax_backward_data.out", TORCH_FN(log_softmax_backward_to));
  m.impl("native_layer_norm", TORCH_FN(native_layer_norm));
  m.impl("native_layer_norm_backward", TORCH_FN(native_layer_norm_backward));
}

}  // namespace
}  // namespace hologram::aten
