// Reductions with arguments of their own: variances (correction), norms (order), logsumexp.
#include "torch/aten/ops/reduction.h"

#include <ATen/ops/linalg_vector_norm_meta.h>
#include <ATen/ops/linalg_vector_norm_ops.h>
#include <ATen/ops/logsumexp_ops.h>
#include <ATen/ops/norm_meta.h>
#include <ATen/ops/norm_ops.h>
#include <ATen/ops/std_mean_ops.h>
#include <ATen/ops/std_ops.h>
#include <ATen/ops/var_mean_ops.h>
#include <ATen/ops/var_ops.h>

#include <limits>

namespace hologram::aten {
namespace {

using Dtype = std::optional<c10::ScalarType>;

// ---- variances: the correction is a kernel argument ----

using Correction = std::optional<at::Scalar>;

bool computes_variance(const at::Tensor& self) {
  return c10::isFloatingType(self.scalar_type()) && reducible(Accumulate::Result, self, {});
}

double degrees_of(const Correction& correction) { return correction ? correction->toDouble() : 1.0; }

/// torch's warning when the correction leaves no degrees of freedom.
void warn_degrees_of_freedom(const char* name, const at::Tensor& self, const at::Tensor& result, double correction) {
  if (result.numel() > 0 && static_cast<double>(self.numel() / result.numel()) - correction <= 0)
    TORCH_WARN(name, "(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor ",
               "(input numel divided by output numel).");
}

template <Op op, class AtenOp>
at::Tensor variance(const at::Tensor& self, at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim) {
  if (!computes_variance(self)) return call_native<AtenOp>(self, dims, correction, keepdim);
  const DimMask mask = mask_of(self, dims);
  at::Tensor result = make_result(self, mask, keepdim, self.scalar_type());
  warn_degrees_of_freedom(op_name(op), self, result, degrees_of(correction));
  reduce(op, Accumulate::Result, self, mask, {&result}, {degrees_of(correction)});
  count_compiled<AtenOp>();
  return result;
}

template <Op op, class AtenOp>
at::Tensor& variance_out(const at::Tensor& self, at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim,
                         at::Tensor& out) {
  if (!computes_variance(self) || !is_row_float(out.scalar_type()) || out.device() != self.device())
    return call_native<AtenOp>(self, dims, correction, keepdim, out);
  const DimMask mask = mask_of(self, dims);
  resize_result(out, self, mask, keepdim);
  warn_degrees_of_freedom(op_name(op), self, out, degrees_of(correction));
  reduce(op, Accumulate::Result, self, mask, {&out}, {degrees_of(correction)});
  count_compiled<AtenOp>();
  return out;
}

template <Op op, class AtenOp>
std::tuple<at::Tensor, at::Tensor> variance_and_mean(const at::Tensor& self, at::OptionalIntArrayRef dims,
                                                     const Correction& correction, bool keepdim) {
  if (!computes_variance(self)) return call_native<AtenOp>(self, dims, correction, keepdim);
  const DimMask mask = mask_of(self, dims);
  at::Tensor result = make_result(self, mask, keepdim, self.scalar_type());
  at::Tensor mean = make_result(self, mask, keepdim, self.scalar_type());
  warn_degrees_of_freedom(op_name(op), self, result, degrees_of(correction));
  reduce(op, Accumulate::Result, self, mask, {&result, &mean}, {degrees_of(correction)});
  count_compiled<AtenOp>();
  return {std::move(result), std::move(mean)};
}

// ---- norms: the order chooses the row ----

void norm_into(const at::Tensor& self, double order, DimMask mask, const at::Tensor& out) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto fold = [&](Op op) { reduce(op, Accumulate::Result, self, mask, {&out}); };
  if (order == 2) return fold(Op::norm2);
  if (order == 1) return fold(Op::norm1);
  if (order == 0) return fold(Op::norm0);
  if (order == kInfinity) return fold(Op::norm_inf);
  if (order == -kInfinity) return fold(Op::norm_neg_inf);
  reduce(Op::norm_p, Accumulate::Result, self, mask, {&out}, {order});
}

/// Complex inputs, complex dtypes and complex orders are torch's business.
bool computes_norm(const at::Tensor& self, const at::Scalar& order, Dtype dtype) {
  return c10::isFloatingType(self.scalar_type()) && !order.isComplex() && reducible(Accumulate::Result, self, dtype);
}

at::Tensor linalg_vector_norm(const at::Tensor& self, const at::Scalar& order, at::OptionalIntArrayRef dims, bool keepdim, Dtype dtype) {
  using AtenOp = at::_ops::linalg_vector_norm;
  if (!computes_norm(self, order, dtype)) return call_native<AtenOp>(self, order, dims, keepdim, dtype);
  Structured<at::meta::structured_linalg_vector_norm> result;
  result.meta(self, order, dims, keepdim, dtype);
  norm_into(self, order.toDouble(), mask_of(self, dims), result[0]);
  count_compiled<AtenOp>();
  return result.take();
}

at::Tensor& linalg_vector_norm_out(const at::Tensor& self, const at::Scalar& order, at::OptionalIntArrayRef dims, bool keepdim,
                                   Dtype dtype, at::Tensor& out) {
  using AtenOp = at::_ops::linalg_vector_norm_out;
  if (!computes_norm(self, order, out.scalar_type())) return call_native<AtenOp>(self, order, dims, keepdim, dtype, out);
  Structured<at::meta::structured_linalg_vector_norm> result(out);
  result.meta(self, order, dims, keepdim, dtype);
  norm_into(self, order.toDouble(), mask_of(self, dims), out);
  count_compiled<AtenOp>();
  return out;
}

using Order = std::optional<at::Scalar>;
at::OptionalScalarRef reference(const Order& p) { return p ? at::OptionalScalarRef(*p) : at::OptionalScalarRef(); }
at::Scalar order_of(const Order& p) { return p.value_or(2.0); }

/// norm.ScalarOpt_dim and norm.ScalarOpt_dim_dtype: `Dtypes` is empty or one dtype.
template <class AtenOp, class Meta, class... Dtypes>
at::Tensor norm(const at::Tensor& self, const Order& p, c10::IntArrayRef dims, bool keepdim, Dtypes... dtype) {
  if (!computes_norm(self, order_of(p), Dtype(dtype...))) return call_native<AtenOp>(self, p, dims, keepdim, dtype...);
  Structured<Meta> result;
  result.meta(self, reference(p), dims, keepdim, dtype...);
  norm_into(self, order_of(p).toDouble(), mask_of(self, dims), result[0]);
  count_compiled<AtenOp>();
  return result.take();
}

template <class AtenOp, class Meta, class... Dtypes>
at::Tensor& norm_out(const at::Tensor& self, const Order& p, c10::IntArrayRef dims, bool keepdim, Dtypes... dtype, at::Tensor& out) {
  if (!computes_norm(self, order_of(p), out.scalar_type())) return call_native<AtenOp>(self, p, dims, keepdim, dtype..., out);
  Structured<Meta> result(out);
  result.meta(self, reference(p), dims, keepdim, dtype...);
  norm_into(self, order_of(p).toDouble(), mask_of(self, dims), out);
  count_compiled<AtenOp>();
  return out;
}

// ---- logsumexp: one kernel instead of torch's amax, sub, exp, sum, log, add ----

at::Tensor logsumexp(const at::Tensor& self, c10::IntArrayRef dims, bool keepdim) {
  using AtenOp = at::_ops::logsumexp;
  if (!reducible(Accumulate::Input, self, {})) return call_native<AtenOp>(self, dims, keepdim);
  const DimMask mask = mask_of(self, dims);
  const bool integral = c10::isIntegralType(self.scalar_type(), /*includeBool=*/true);
  at::Tensor result = make_result(self, mask, keepdim, integral ? c10::get_default_dtype_as_scalartype() : self.scalar_type());
  reduce(Op::logsumexp, Accumulate::Result, self, mask, {&result});
  count_compiled<AtenOp>();
  return result;
}

at::Tensor& logsumexp_out(const at::Tensor& self, c10::IntArrayRef dims, bool keepdim, at::Tensor& out) {
  using AtenOp = at::_ops::logsumexp_out;
  if (!reducible(Accumulate::Input, self, {}) || !is_row_float(out.scalar_type()) || out.device() != self.device())
    return call_native<AtenOp>(self, dims, keepdim, out);
  const DimMask mask = mask_of(self, dims);
  resize_result(out, self, mask, keepdim);
  reduce(Op::logsumexp, Accumulate::Result, self, mask, {&out});
  count_compiled<AtenOp>();
  return out;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  using namespace at::_ops;
  register_kernel<var_correction, &variance<Op::var, var_correction>>(m);
  register_kernel<std_correction, &variance<Op::std, std_correction>>(m);
  register_kernel<var_correction_out, &variance_out<Op::var, var_correction_out>>(m);
  register_kernel<std_correction_out, &variance_out<Op::std, std_correction_out>>(m);
  register_kernel<var_mean_correction, &variance_and_mean<Op::var_mean, var_mean_correction>>(m);
  register_kernel<std_mean_correction, &variance_and_mean<Op::std_mean, std_mean_correction>>(m);
  register_kernel<at::_ops::linalg_vector_norm, &aten::linalg_vector_norm>(m);
  register_kernel<at::_ops::linalg_vector_norm_out, &aten::linalg_vector_norm_out>(m);
  using at::meta::structured_norm_ScalarOpt_dim;
  using at::meta::structured_norm_ScalarOpt_dim_dtype;
  register_kernel<norm_ScalarOpt_dim, &norm<norm_ScalarOpt_dim, structured_norm_ScalarOpt_dim>>(m);
  register_kernel<at::_ops::norm_out, &aten::norm_out<at::_ops::norm_out, structured_norm_ScalarOpt_dim>>(m);
  register_kernel<norm_ScalarOpt_dim_dtype, &norm<norm_ScalarOpt_dim_dtype, structured_norm_ScalarOpt_dim_dtype, c10::ScalarType>>(m);
  register_kernel<norm_dtype_out, &aten::norm_out<norm_dtype_out, structured_norm_ScalarOpt_dim_dtype, c10::ScalarType>>(m);
  register_kernel<at::_ops::logsumexp, &aten::logsumexp>(m);
  register_kernel<at::_ops::logsumexp_out, &aten::logsumexp_out>(m);
}

}  // namespace
}  // namespace hologram::aten
