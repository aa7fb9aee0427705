#include "torch/aten/reduction.h"

#include <ATen/ops/aminmax_meta.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm_meta.h>
#include <ATen/ops/norm_meta.h>
#include <ATen/native/ReduceOpsUtils.h>
#include <torch/library.h>

#include <cmath>
#include <limits>

#include "reduction_headers.inc"

namespace hologram::aten {

bool reducible(Accumulate rule, const at::Tensor& self, std::optional<c10::ScalarType> result) {
  if (!is_row_type(self.scalar_type()) || self.dim() > kMaxRowSpaceRank || self.layout() != at::kStrided) return false;
  switch (rule) {
    case Accumulate::Result: return !result || (is_row_type(*result) && *result != at::kBool);
    case Accumulate::Number: return self.scalar_type() != at::kBool;
    default: return !result || is_row_type(*result);
  }
}

namespace {

DType compute_type(Accumulate rule, const at::Tensor& self, const at::Tensor& out) {
  switch (rule) {
    case Accumulate::Result: return math_type(dtype_of(out));
    case Accumulate::Bool: return DType::Bool;
    default: return math_type(dtype_of(self));
  }
}

/// Rows that return positions number the elements of the row in the order of `self`'s dims. A row of several dims is
/// one run of elements only if `self` is contiguous.
bool returns_positions(Op op) {
  return op == Op::argmax || op == Op::argmin || op == Op::max_index || op == Op::min_index;
}

int64_t row_dims(const at::Tensor& self, const DimMask& mask) {
  int64_t n = 0;
  for (int64_t d = 0; d < self.dim(); ++d) n += mask[d];
  return n;
}

}  // namespace

void reduce(Op op, Accumulate rule, const at::Tensor& self, DimMask mask, std::initializer_list<const at::Tensor*> outs,
            std::initializer_list<double> extra) {
  const at::Tensor& first = **outs.begin();
  if (first.numel() == 0) return;
  const bool flatten = returns_positions(op) && !self.is_contiguous() && row_dims(self, mask) > 1;
  const at::Tensor input = flatten ? self.contiguous() : self;

  RowSpace space(input.sizes(), mask);
  Circuit& circuit = space.circuit();
  Ref args[kMaxArgs];
  size_t nargs = 0;
  args[nargs++] = space.input(input);
  for (double value : extra) args[nargs++] = circuit.add_scalar(value);
  Ref result = circuit.add_node(op, compute_type(rule, self, first), dtype_of(first), args, nargs);
  for (const at::Tensor* out : outs) space.kept_output(*out, result++);
  space.submit(input);
}

namespace {

// ---- the rows that are nothing but a fold: reduction_table.inc ----

#define HG_REDUCTION(row, rule, keeps_empty, id, base, f_overload, f_report, o_overload, o_report)                        \
  constexpr ReductionEntry entry_##id{Op::row, Accumulate::rule, keeps_empty, {"aten::" base, f_overload},         \
                                        {"aten::" base, o_overload}, f_report, o_report};                            \
  using kernel_##id = ReductionKernel<entry_##id, at::meta::structured_##id>;
#define HG_REDUCTION_PAIR HG_REDUCTION
#include "reduction_table.inc"
#undef HG_REDUCTION
#undef HG_REDUCTION_PAIR

/// New results of a reduction that has no structured class.
at::Tensor make_result(const at::Tensor& self, DimMask mask, bool keepdim, c10::ScalarType dtype) {
  return empty(at::native::shape_from_dim_mask(self, mask, keepdim), dtype, self.device());
}

void resize_result(const at::Tensor& out, const at::Tensor& self, DimMask mask, bool keepdim) {
  at::native::resize_output(out, at::native::shape_from_dim_mask(self, mask, keepdim));
  check_overlap(out, self);
}

void count(OpStat& stat) { stat.compiled.fetch_add(1, std::memory_order_relaxed); }

// ---- over all dims ----

at::Tensor sum_all(const at::Tensor& self, std::optional<c10::ScalarType> dtype) {
  return kernel_sum_dim_IntList::functional(self, at::OptionalIntArrayRef(), false, dtype);
}

at::Tensor mean_all(const at::Tensor& self, std::optional<c10::ScalarType> dtype) {
  return kernel_mean_dim::functional(self, at::OptionalIntArrayRef(), false, dtype);
}

at::Tensor prod_all(const at::Tensor& self, std::optional<c10::ScalarType> dtype) {
  static OpStat& stat = op_stat("prod");
  const c10::ScalarType type = at::native::get_dtype_from_self(self, dtype, /*promote_integers=*/true);
  if (!reducible(Accumulate::Result, self, type)) return delegate_tensor({"aten::prod", ""}, self, dtype);
  at::Tensor result = make_result(self, DimMask().flip(), false, type);
  reduce(Op::prod, Accumulate::Result, self, DimMask().flip(), {&result});
  count(stat);
  return result;
}

at::Tensor extreme_all(Op op, const char* name, const at::Tensor& self) {
  TORCH_CHECK(self.numel() > 0, name, "(): Expected reduction dim to be specified for input.numel() == 0. ",
              "Specify the reduction dim with the 'dim' argument.");
  at::Tensor result = make_result(self, DimMask().flip(), false, self.scalar_type());
  reduce(op, Accumulate::Input, self, DimMask().flip(), {&result});
  return result;
}

at::Tensor max_all(const at::Tensor& self) {
  static OpStat& stat = op_stat("max");
  if (!reducible(Accumulate::Input, self, {})) return delegate_tensor({"aten::max", ""}, self);
  at::Tensor result = extreme_all(Op::amax, "max", self);
  count(stat);
  return result;
}

at::Tensor min_all(const at::Tensor& self) {
  static OpStat& stat = op_stat("min");
  if (!reducible(Accumulate::Input, self, {})) return delegate_tensor({"aten::min", ""}, self);
  at::Tensor result = extreme_all(Op::amin, "min", self);
  count(stat);
  return result;
}

/// max.unary_out and min.unary_out: the out= tensor keeps its dtype.
at::Tensor& extreme_all_out(Op op, OpStat& stat, const Overload& overload, const at::Tensor& self, at::Tensor& out) {
  if (!reducible(Accumulate::Input, self, out.scalar_type()) || self.device() != out.device() || self.numel() == 0 ||
      !c10::canCast(self.scalar_type(), out.scalar_type())) {
    delegate_call(overload, self, out);
    return out;
  }
  resize_result(out, self, DimMask().flip(), false);
  reduce(op, Accumulate::Input, self, DimMask().flip(), {&out});
  count(stat);
  return out;
}

at::Tensor& max_all_out(const at::Tensor& self, at::Tensor& out) {
  static OpStat& stat = op_stat("max.unary_out");
  return extreme_all_out(Op::amax, stat, {"aten::max", "unary_out"}, self, out);
}

at::Tensor& min_all_out(const at::Tensor& self, at::Tensor& out) {
  static OpStat& stat = op_stat("min.unary_out");
  return extreme_all_out(Op::amin, stat, {"aten::min", "unary_out"}, self, out);
}

// ---- two rows in one kernel ----

void aminmax_into(const at::Tensor& self, DimMask mask, const at::Tensor& min, const at::Tensor& max) {
  if (min.numel() == 0) return;
  RowSpace space(self.sizes(), mask);
  Circuit& circuit = space.circuit();
  const DType compute = math_type(dtype_of(self)), result = dtype_of(self);
  const Ref x = space.input(self);
  const Ref low = circuit.add_node(Op::amin, compute, result, {x});
  const Ref high = circuit.add_node(Op::amax, compute, result, {x});
  space.kept_output(min, low);
  space.kept_output(max, high);
  space.submit(self);
}

std::tuple<at::Tensor, at::Tensor> aminmax(const at::Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  static OpStat& stat = op_stat("aminmax");
  if (!reducible(Accumulate::Input, self, {})) return delegate_pair({"aten::aminmax", ""}, self, dim, keepdim);
  Structured<at::meta::structured_aminmax> results;
  results.meta(self, dim, keepdim);
  aminmax_into(self, mask_of(self, dim), results[0], results[1]);
  count(stat);
  return {results.take(0), results.take(1)};
}

std::tuple<at::Tensor&, at::Tensor&> aminmax_out(const at::Tensor& self, std::optional<int64_t> dim, bool keepdim,
                                                 at::Tensor& min, at::Tensor& max) {
  static OpStat& stat = op_stat("aminmax.out");
  if (!reducible(Accumulate::Input, self, min.scalar_type())) {
    delegate_call({"aten::aminmax", "out"}, self, dim, keepdim, min, max);
  } else {
    Structured<at::meta::structured_aminmax> results(min, max);
    results.meta(self, dim, keepdim);
    results.check_overlap(self);
    aminmax_into(self, mask_of(self, dim), min, max);
    count(stat);
  }
  return std::tuple<at::Tensor&, at::Tensor&>(min, max);
}

// ---- counting, sums that skip NaN, comparison of whole tensors ----

at::Tensor count_nonzero(const at::Tensor& self, c10::IntArrayRef dims) {
  static OpStat& stat = op_stat("count_nonzero.dim_IntList");
  if (!reducible(Accumulate::Bool, self, {})) return delegate_tensor({"aten::count_nonzero", "dim_IntList"}, self, dims);
  const DimMask mask = mask_of(self, dims);
  at::Tensor result = make_result(self, mask, false, at::kLong);
  reduce(Op::count_nonzero, Accumulate::Bool, self, mask, {&result});
  count(stat);
  return result;
}

at::Tensor nansum(const at::Tensor& self, at::OptionalIntArrayRef dims, bool keepdim, std::optional<c10::ScalarType> dtype) {
  static OpStat& stat = op_stat("nansum");
  if (c10::isIntegralType(self.scalar_type(), /*includeBool=*/true))
    return kernel_sum_dim_IntList::functional(self, dims, keepdim, dtype);
  const c10::ScalarType type = dtype.value_or(self.scalar_type());
  if (!reducible(Accumulate::Result, self, type)) return delegate_tensor({"aten::nansum", ""}, self, dims, keepdim, dtype);
  const DimMask mask = mask_of(self, dims);
  at::Tensor result = make_result(self, mask, keepdim, type);
  reduce(Op::nansum, Accumulate::Result, self, mask, {&result});
  count(stat);
  return result;
}

at::Tensor& nansum_out(const at::Tensor& self, at::OptionalIntArrayRef dims, bool keepdim,
                       std::optional<c10::ScalarType> dtype, at::Tensor& out) {
  static OpStat& stat = op_stat("nansum.out");
  if (c10::isIntegralType(self.scalar_type(), /*includeBool=*/true))
    return kernel_sum_dim_IntList::out(self, dims, keepdim, dtype, out);
  if (!reducible(Accumulate::Result, self, out.scalar_type()) || dtype.value_or(out.scalar_type()) != out.scalar_type() ||
      out.device() != self.device()) {
    delegate_call({"aten::nansum", "out"}, self, dims, keepdim, dtype, out);
    return out;
  }
  const DimMask mask = mask_of(self, dims);
  resize_result(out, self, mask, keepdim);
  reduce(Op::nansum, Accumulate::Result, self, mask, {&out});
  count(stat);
  return out;
}

bool equal(const at::Tensor& self, const at::Tensor& other) {
  static OpStat& stat = op_stat("equal");
  TORCH_CHECK(self.device() == other.device(), "Expected all tensors to be on the same device, but found at least two devices, ",
              self.device(), " and ", other.device(), "!");
  if (self.sizes() != other.sizes()) return false;
  if (self.numel() == 0) return true;
  if (!reducible(Accumulate::Input, self, {}) || !reducible(Accumulate::Input, other, {}))
    return delegate_call({"aten::equal", ""}, self, other)[0].toBool();
  at::Tensor result = make_result(self, DimMask().flip(), false, at::kBool);
  RowSpace space(self.sizes(), DimMask().flip());
  Circuit& circuit = space.circuit();
  const Ref x = space.input(self), y = space.input(other);
  const DType compute = math_type(to_dtype(c10::promoteTypes(self.scalar_type(), other.scalar_type())));
  const Ref same = circuit.add_node(Op::eq, compute, DType::Bool, {x, y});
  space.kept_output(result, circuit.add_node(Op::all, DType::Bool, DType::Bool, {same}));
  space.submit(self);
  count(stat);
  return result.item<bool>();
}

// ---- variances: the correction is a kernel argument ----

/// torch's warning when the correction leaves no degrees of freedom.
void warn_degrees_of_freedom(const char* name, const at::Tensor& self, const at::Tensor& result, double correction) {
  const int64_t reduced = result.numel() == 0 ? 0 : self.numel() / result.numel();
  if (result.numel() > 0 && static_cast<double>(reduced) - correction <= 0)
    TORCH_WARN(name, "(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor ",
               "(input numel divided by output numel).");
}

using Correction = std::optional<at::Scalar>;

struct Variance {
  Op op;
  const char* name;
  Overload functional, out;
};

bool computes_variance(const at::Tensor& self) {
  return c10::isFloatingType(self.scalar_type()) && reducible(Accumulate::Result, self, {});
}

at::Tensor variance(const Variance& v, OpStat& stat, const at::Tensor& self, at::OptionalIntArrayRef dims,
                    const Correction& correction, bool keepdim) {
  if (!computes_variance(self)) return delegate_tensor(v.functional, self, dims, correction, keepdim);
  const double degrees = correction ? correction->toDouble() : 1.0;
  const DimMask mask = mask_of(self, dims);
  at::Tensor result = make_result(self, mask, keepdim, self.scalar_type());
  warn_degrees_of_freedom(v.name, self, result, degrees);
  reduce(v.op, Accumulate::Result, self, mask, {&result}, {degrees});
  count(stat);
  return result;
}

at::Tensor& variance_out(const Variance& v, OpStat& stat, const at::Tensor& self, at::OptionalIntArrayRef dims,
                         const Correction& correction, bool keepdim, at::Tensor& out) {
  if (!computes_variance(self) || !c10::isFloatingType(out.scalar_type()) || out.device() != self.device()) {
    delegate_call(v.out, self, dims, correction, keepdim, out);
    return out;
  }
  const double degrees = correction ? correction->toDouble() : 1.0;
  const DimMask mask = mask_of(self, dims);
  resize_result(out, self, mask, keepdim);
  warn_degrees_of_freedom(v.name, self, out, degrees);
  reduce(v.op, Accumulate::Result, self, mask, {&out}, {degrees});
  count(stat);
  return out;
}

std::tuple<at::Tensor, at::Tensor> variance_and_mean(const Variance& v, OpStat& stat, const at::Tensor& self,
                                                     at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim) {
  if (!computes_variance(self)) return delegate_pair(v.functional, self, dims, correction, keepdim);
  const double degrees = correction ? correction->toDouble() : 1.0;
  const DimMask mask = mask_of(self, dims);
  at::Tensor result = make_result(self, mask, keepdim, self.scalar_type());
  at::Tensor mean = make_result(self, mask, keepdim, self.scalar_type());
  warn_degrees_of_freedom(v.name, self, result, degrees);
  reduce(v.op, Accumulate::Result, self, mask, {&result, &mean}, {degrees});
  count(stat);
  return {std::move(result), std::move(mean)};
}

constexpr Variance kVar{Op::var, "var", {"aten::var", "correction"}, {"aten::var", "correction_out"}};
constexpr Variance kStd{Op::std, "std", {"aten::std", "correction"}, {"aten::std", "correction_out"}};
constexpr Variance kVarMean{Op::var_mean, "var_mean", {"aten::var_mean", "correction"}, {"aten::var_mean", "correction_out"}};
constexpr Variance kStdMean{Op::std_mean, "std_mean", {"aten::std_mean", "correction"}, {"aten::std_mean", "correction_out"}};

at::Tensor var(const at::Tensor& self, at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim) {
  static OpStat& stat = op_stat("var.correction");
  return variance(kVar, stat, self, dims, correction, keepdim);
}
at::Tensor std_(const at::Tensor& self, at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim) {
  static OpStat& stat = op_stat("std.correction");
  return variance(kStd, stat, self, dims, correction, keepdim);
}
at::Tensor& var_out(const at::Tensor& self, at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim, at::Tensor& out) {
  static OpStat& stat = op_stat("var.correction_out");
  return variance_out(kVar, stat, self, dims, correction, keepdim, out);
}
at::Tensor& std_out(const at::Tensor& self, at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim, at::Tensor& out) {
  static OpStat& stat = op_stat("std.correction_out");
  return variance_out(kStd, stat, self, dims, correction, keepdim, out);
}
std::tuple<at::Tensor, at::Tensor> var_mean(const at::Tensor& self, at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim) {
  static OpStat& stat = op_stat("var_mean.correction");
  return variance_and_mean(kVarMean, stat, self, dims, correction, keepdim);
}
std::tuple<at::Tensor, at::Tensor> std_mean(const at::Tensor& self, at::OptionalIntArrayRef dims, const Correction& correction, bool keepdim) {
  static OpStat& stat = op_stat("std_mean.correction");
  return variance_and_mean(kStdMean, stat, self, dims, correction, keepdim);
}

// ---- norms: the order chooses the row ----

void norm_into(const at::Tensor& self, double order, DimMask mask, const at::Tensor& out) {
  Op op = Op::norm_p;
  if (order == 2) op = Op::norm2;
  else if (order == 1) op = Op::norm1;
  else if (order == 0) op = Op::norm0;
  else if (order == std::numeric_limits<double>::infinity()) op = Op::norm_inf;
  else if (order == -std::numeric_limits<double>::infinity()) op = Op::norm_neg_inf;
  if (op == Op::norm_p) reduce(op, Accumulate::Result, self, mask, {&out}, {order});
  else reduce(op, Accumulate::Result, self, mask, {&out});
}

/// Complex inputs, complex dtypes and complex orders are torch's business.
bool computes_norm(const at::Tensor& self, const at::Scalar& order, std::optional<c10::ScalarType> dtype) {
  return c10::isFloatingType(self.scalar_type()) && !order.isComplex() && reducible(Accumulate::Result, self, dtype);
}

at::Tensor linalg_vector_norm(const at::Tensor& self, const at::Scalar& order, at::OptionalIntArrayRef dims, bool keepdim,
                              std::optional<c10::ScalarType> dtype) {
  static OpStat& stat = op_stat("linalg_vector_norm");
  if (!computes_norm(self, order, dtype))
    return delegate_tensor({"aten::linalg_vector_norm", ""}, self, order, dims, keepdim, dtype);
  Structured<at::meta::structured_linalg_vector_norm> result;
  result.meta(self, order, dims, keepdim, dtype);
  norm_into(self, order.toDouble(), mask_of(self, dims), result[0]);
  count(stat);
  return result.take();
}

at::Tensor& linalg_vector_norm_out(const at::Tensor& self, const at::Scalar& order, at::OptionalIntArrayRef dims, bool keepdim,
                                   std::optional<c10::ScalarType> dtype, at::Tensor& out) {
  static OpStat& stat = op_stat("linalg_vector_norm.out");
  if (!computes_norm(self, order, out.scalar_type())) {
    delegate_call({"aten::linalg_vector_norm", "out"}, self, order, dims, keepdim, dtype, out);
    return out;
  }
  Structured<at::meta::structured_linalg_vector_norm> result(out);
  result.meta(self, order, dims, keepdim, dtype);
  result.check_overlap(self);
  norm_into(self, order.toDouble(), mask_of(self, dims), out);
  count(stat);
  return out;
}

using Order = std::optional<at::Scalar>;
at::OptionalScalarRef reference(const Order& p) { return p ? at::OptionalScalarRef(*p) : at::OptionalScalarRef(); }
at::Scalar order_of(const Order& p) { return p.value_or(2.0); }

at::Tensor norm(const at::Tensor& self, const Order& p, c10::IntArrayRef dims, bool keepdim) {
  static OpStat& stat = op_stat("norm.ScalarOpt_dim");
  if (!computes_norm(self, order_of(p), {})) return delegate_tensor({"aten::norm", "ScalarOpt_dim"}, self, p, dims, keepdim);
  Structured<at::meta::structured_norm_ScalarOpt_dim> result;
  result.meta(self, reference(p), dims, keepdim);
  norm_into(self, order_of(p).toDouble(), mask_of(self, dims), result[0]);
  count(stat);
  return result.take();
}

at::Tensor& norm_out(const at::Tensor& self, const Order& p, c10::IntArrayRef dims, bool keepdim, at::Tensor& out) {
  static OpStat& stat = op_stat("norm.out");
  if (!computes_norm(self, order_of(p), out.scalar_type())) {
    delegate_call({"aten::norm", "out"}, self, p, dims, keepdim, out);
    return out;
  }
  Structured<at::meta::structured_norm_ScalarOpt_dim> result(out);
  result.meta(self, reference(p), dims, keepdim);
  result.check_overlap(self);
  norm_into(self, order_of(p).toDouble(), mask_of(self, dims), out);
  count(stat);
  return out;
}

at::Tensor norm_dtype(const at::Tensor& self, const Order& p, c10::IntArrayRef dims, bool keepdim, c10::ScalarType dtype) {
  static OpStat& stat = op_stat("norm.ScalarOpt_dim_dtype");
  if (!computes_norm(self, order_of(p), dtype))
    return delegate_tensor({"aten::norm", "ScalarOpt_dim_dtype"}, self, p, dims, keepdim, dtype);
  Structured<at::meta::structured_norm_ScalarOpt_dim_dtype> result;
  result.meta(self, reference(p), dims, keepdim, dtype);
  norm_into(self, order_of(p).toDouble(), mask_of(self, dims), result[0]);
  count(stat);
  return result.take();
}

at::Tensor& norm_dtype_out(const at::Tensor& self, const Order& p, c10::IntArrayRef dims, bool keepdim, c10::ScalarType dtype,
                           at::Tensor& out) {
  static OpStat& stat = op_stat("norm.dtype_out");
  if (!computes_norm(self, order_of(p), out.scalar_type())) {
    delegate_call({"aten::norm", "dtype_out"}, self, p, dims, keepdim, dtype, out);
    return out;
  }
  Structured<at::meta::structured_norm_ScalarOpt_dim_dtype> result(out);
  result.meta(self, reference(p), dims, keepdim, dtype);
  result.check_overlap(self);
  norm_into(self, order_of(p).toDouble(), mask_of(self, dims), out);
  count(stat);
  return out;
}

// ---- logsumexp: one kernel instead of torch's amax, sub, exp, sum, log, add ----

at::Tensor logsumexp(const at::Tensor& self, c10::IntArrayRef dims, bool keepdim) {
  static OpStat& stat = op_stat("logsumexp");
  if (!reducible(Accumulate::Input, self, {})) return delegate_tensor({"aten::logsumexp", ""}, self, dims, keepdim);
  const DimMask mask = mask_of(self, dims);
  const bool integral = c10::isIntegralType(self.scalar_type(), /*includeBool=*/true);
  at::Tensor result = make_result(self, mask, keepdim, integral ? c10::get_default_dtype_as_scalartype() : self.scalar_type());
  reduce(Op::logsumexp, Accumulate::Result, self, mask, {&result});
  count(stat);
  return result;
}

at::Tensor& logsumexp_out(const at::Tensor& self, c10::IntArrayRef dims, bool keepdim, at::Tensor& out) {
  static OpStat& stat = op_stat("logsumexp.out");
  if (!reducible(Accumulate::Input, self, {}) || !is_row_float(out.scalar_type()) || out.device() != self.device()) {
    delegate_call({"aten::logsumexp", "out"}, self, dims, keepdim, out);
    return out;
  }
  const DimMask mask = mask_of(self, dims);
  resize_result(out, self, mask, keepdim);
  reduce(Op::logsumexp, Accumulate::Result, self, mask, {&out});
  count(stat);
  return out;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
#define HG_REDUCTION(row, rule, keeps_empty, id, base, f_overload, f_report, o_overload, o_report) \
  m.impl(f_report, TORCH_FN(kernel_##id::functional));                                        \
  m.impl(o_report, TORCH_FN(kernel_##id::out));
#define HG_REDUCTION_PAIR(row, rule, keeps_empty, id, base, f_overload, f_report, o_overload, o_report) \
  m.impl(f_report, TORCH_FN(kernel_##id::functional));                                             \
  m.impl(o_report, TORCH_FN(kernel_##id::out_pair));
#include "reduction_table.inc"
#undef HG_REDUCTION
#undef HG_REDUCTION_PAIR

  m.impl("sum", TORCH_FN(sum_all));
  m.impl("mean", TORCH_FN(mean_all));
  m.impl("prod", TORCH_FN(prod_all));
  m.impl("max", TORCH_FN(max_all));
  m.impl("min", TORCH_FN(min_all));
  m.impl("max.unary_out", TORCH_FN(max_all_out));
  m.impl("min.unary_out", TORCH_FN(min_all_out));
  m.impl("aminmax", TORCH_FN(aminmax));
  m.impl("aminmax.out", TORCH_FN(aminmax_out));
  m.impl("count_nonzero.dim_IntList", TORCH_FN(count_nonzero));
  m.impl("nansum", TORCH_FN(nansum));
  m.impl("nansum.out", TORCH_FN(nansum_out));
  m.impl("equal", TORCH_FN(equal));
  m.impl("var.correction", TORCH_FN(var));
  m.impl("std.correction", TORCH_FN(std_));
  m.impl("var.correction_out", TORCH_FN(var_out));
  m.impl("std.correction_out", TORCH_FN(std_out));
  m.impl("var_mean.correction", TORCH_FN(var_mean));
  m.impl("std_mean.correction", TORCH_FN(std_mean));
  m.impl("linalg_vector_norm", TORCH_FN(linalg_vector_norm));
  m.impl("linalg_vector_norm.out", TORCH_FN(linalg_vector_norm_out));
  m.impl("norm.ScalarOpt_dim", TORCH_FN(norm));
  m.impl("norm.out", TORCH_FN(norm_out));
  m.impl("norm.ScalarOpt_dim_dtype", TORCH_FN(norm_dtype));
  m.impl("norm.dtype_out", TORCH_FN(norm_dtype_out));
  m.impl("logsumexp", TORCH_FN(logsumexp));
  m.impl("logsumexp.out", TORCH_FN(logsumexp_out));
}

}  // namespace
}  // namespace hologram::aten
