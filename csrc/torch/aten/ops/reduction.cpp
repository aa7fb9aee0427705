#include "torch/aten/ops/reduction.h"

#include <ATen/ops/aminmax_meta.h>
#include <ATen/ops/aminmax_ops.h>
#include <ATen/ops/count_nonzero_ops.h>
#include <ATen/ops/equal_ops.h>
#include <ATen/ops/nansum_ops.h>

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

bool reducible_pairs(Op op, const at::Tensor& self, DimMask mask, std::optional<c10::ScalarType> result) {
  if (op != Op::sum && op != Op::mean) return false;
  if (self.scalar_type() != at::kComplexFloat && self.scalar_type() != at::kComplexDouble) return false;
  if ((result && *result != self.scalar_type()) || self.dim() >= kMaxRowSpaceRank || self.layout() != at::kStrided) return false;
  if (!reads_host_memory(self)) return true;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (mask[d] && self.stride(d) == 1 && self.size(d) > 1) return false;
  return true;
}

namespace {

/// The memory of a complex tensor as real numbers, with one more dimension of size 2.
at::Tensor real_pairs(const at::Tensor& t) {
  const auto type = c10::scalarTypeToTypeMeta(c10::toRealValueType(t.scalar_type()));
  at::Tensor pairs = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(t.storage()),
                                                              c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), type);
  c10::SmallVector<int64_t, 8> sizes(t.sizes().begin(), t.sizes().end()), strides;
  for (int64_t stride : t.strides()) strides.push_back(2 * stride);
  sizes.push_back(2);
  strides.push_back(1);
  pairs.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides, 2 * t.storage_offset());
  return pairs;
}

DType accumulate_type(Accumulate rule, const at::Tensor& self, const at::Tensor& out) {
  switch (rule) {
    case Accumulate::Result: return compute_type(dtype_of(out));
    case Accumulate::Bool: return DType::Bool;
    default: return compute_type(dtype_of(self));
  }
}

}  // namespace

void reduce(Op op, Accumulate rule, const at::Tensor& self, DimMask mask, std::initializer_list<const at::Tensor*> outs,
            std::initializer_list<double> extra) {
  const at::Tensor& first = **outs.begin();
  if (first.numel() == 0) return;
  if (self.is_complex()) {
    const DimMask own((1ull << self.dim()) - 1);
    const at::Tensor pairs = real_pairs(first);
    return reduce(op, rule, real_pairs(self), mask & own, {&pairs}, extra);
  }
  RowSpace space(self.sizes(), mask);
  Circuit& circuit = space.circuit();
  Ref args[kMaxArgs];
  size_t nargs = 0;
  args[nargs++] = space.input(self);
  for (double value : extra) args[nargs++] = circuit.add_scalar(value);
  // any and all have bool results whatever an out= tensor holds.
  const DType result_type = rule == Accumulate::Bool && op != Op::count_nonzero ? DType::Bool : dtype_of(first);
  Ref result = circuit.add_node(op, accumulate_type(rule, self, first), result_type, args, nargs);
  result = space.converted(result, result_type, dtype_of(first));
  for (const at::Tensor* out : outs) space.kept_output(*out, result++);
  space.submit(self);
}

namespace {

// ---- the rows that are nothing but a fold ----

#define HG_REDUCTION(row, rule, keeps_empty, id, out)                                                                    \
  using kernel_##id = ReductionKernel<                                                                                   \
      ReductionEntry<Op::row, Accumulate::rule, keeps_empty, at::meta::structured_##id, at::_ops::id, at::_ops::out>>;
#include "reduction_table.inc"
#undef HG_REDUCTION

// ---- over all dims ----

using Dtype = std::optional<c10::ScalarType>;

at::Tensor sum_all(const at::Tensor& self, Dtype dtype) {
  return kernel_sum_dim_IntList::functional(self, at::OptionalIntArrayRef(), false, dtype);
}

at::Tensor mean_all(const at::Tensor& self, Dtype dtype) {
  return kernel_mean_dim::functional(self, at::OptionalIntArrayRef(), false, dtype);
}

at::Tensor prod_all(const at::Tensor& self, Dtype dtype) {
  using AtenOp = at::_ops::prod;
  const c10::ScalarType type = at::native::get_dtype_from_self(self, dtype, /*promote_integers=*/true);
  if (!reducible(Accumulate::Result, self, type)) return call_native<AtenOp>(self, dtype);
  at::Tensor result = make_result(self, all_dims(), false, type);
  reduce(Op::prod, Accumulate::Result, self, all_dims(), {&result});
  count_compiled<AtenOp>();
  return result;
}

/// max() and min(); of nothing, torch says what is wrong.
template <Op op, class AtenOp>
at::Tensor extreme_all(const at::Tensor& self) {
  if (!reducible(Accumulate::Input, self, {}) || self.numel() == 0) return call_native<AtenOp>(self);
  at::Tensor result = make_result(self, all_dims(), false, self.scalar_type());
  reduce(op, Accumulate::Input, self, all_dims(), {&result});
  count_compiled<AtenOp>();
  return result;
}

template <Op op, class AtenOp>
at::Tensor& extreme_all_out(const at::Tensor& self, at::Tensor& out) {
  if (!reducible(Accumulate::Input, self, out.scalar_type()) || self.device() != out.device() || self.numel() == 0 ||
      !c10::canCast(self.scalar_type(), out.scalar_type()))
    return call_native<AtenOp>(self, out);
  resize_result(out, self, all_dims(), false);
  reduce(op, Accumulate::Input, self, all_dims(), {&out});
  count_compiled<AtenOp>();
  return out;
}

// ---- two rows in one kernel ----

void aminmax_into(const at::Tensor& self, DimMask mask, const at::Tensor& min, const at::Tensor& max) {
  if (min.numel() == 0) return;
  RowSpace space(self.sizes(), mask);
  Circuit& circuit = space.circuit();
  const DType compute = compute_type(dtype_of(self)), result = dtype_of(self);
  const Ref x = space.input(self);
  const Ref low = circuit.add_node(Op::amin, compute, result, {x});
  const Ref high = circuit.add_node(Op::amax, compute, result, {x});
  space.kept_output(min, low);
  space.kept_output(max, high);
  space.submit(self);
}

std::tuple<at::Tensor, at::Tensor> aminmax(const at::Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  using AtenOp = at::_ops::aminmax;
  if (!reducible(Accumulate::Input, self, {})) return call_native<AtenOp>(self, dim, keepdim);
  Structured<at::meta::structured_aminmax> results;
  results.meta(self, dim, keepdim);
  aminmax_into(self, mask_of(self, dim), results[0], results[1]);
  count_compiled<AtenOp>();
  return {results.take(0), results.take(1)};
}

std::tuple<at::Tensor&, at::Tensor&> aminmax_out(const at::Tensor& self, std::optional<int64_t> dim, bool keepdim,
                                                 at::Tensor& min, at::Tensor& max) {
  using AtenOp = at::_ops::aminmax_out;
  if (!reducible(Accumulate::Input, self, min.scalar_type())) return call_native<AtenOp>(self, dim, keepdim, min, max);
  Structured<at::meta::structured_aminmax> results(min, max);
  results.meta(self, dim, keepdim);
  aminmax_into(self, mask_of(self, dim), min, max);
  count_compiled<AtenOp>();
  return std::tuple<at::Tensor&, at::Tensor&>(min, max);
}

// ---- counting, sums that skip NaN, comparison of whole tensors ----

at::Tensor count_nonzero(const at::Tensor& self, c10::IntArrayRef dims) {
  using AtenOp = at::_ops::count_nonzero_dim_IntList;
  if (!reducible(Accumulate::Bool, self, {})) return call_native<AtenOp>(self, dims);
  const DimMask mask = mask_of(self, dims);
  at::Tensor result = make_result(self, mask, false, at::kLong);
  reduce(Op::count_nonzero, Accumulate::Bool, self, mask, {&result});
  count_compiled<AtenOp>();
  return result;
}

at::Tensor nansum(const at::Tensor& self, at::OptionalIntArrayRef dims, bool keepdim, Dtype dtype) {
  using AtenOp = at::_ops::nansum;
  if (c10::isIntegralType(self.scalar_type(), /*includeBool=*/true))
    return kernel_sum_dim_IntList::functional(self, dims, keepdim, dtype);
  const c10::ScalarType type = dtype.value_or(self.scalar_type());
  if (!reducible(Accumulate::Result, self, type) || !c10::isFloatingType(type))
    return call_native<AtenOp>(self, dims, keepdim, dtype);
  const DimMask mask = mask_of(self, dims);
  at::Tensor result = make_result(self, mask, keepdim, type);
  reduce(Op::nansum, Accumulate::Result, self, mask, {&result});
  count_compiled<AtenOp>();
  return result;
}

at::Tensor& nansum_out(const at::Tensor& self, at::OptionalIntArrayRef dims, bool keepdim, Dtype dtype, at::Tensor& out) {
  using AtenOp = at::_ops::nansum_out;
  if (c10::isIntegralType(self.scalar_type(), /*includeBool=*/true))
    return kernel_sum_dim_IntList::out(self, dims, keepdim, dtype, out);
  if (!reducible(Accumulate::Result, self, {}) || !is_row_float(out.scalar_type()) || dtype.value_or(out.scalar_type()) != out.scalar_type() ||
      out.device() != self.device())
    return call_native<AtenOp>(self, dims, keepdim, dtype, out);
  const DimMask mask = mask_of(self, dims);
  resize_result(out, self, mask, keepdim);
  reduce(Op::nansum, Accumulate::Result, self, mask, {&out});
  count_compiled<AtenOp>();
  return out;
}

bool equal(const at::Tensor& self, const at::Tensor& other) {
  using AtenOp = at::_ops::equal;
  TORCH_CHECK(self.device() == other.device(), "Expected all tensors to be on the same device, but found at least two devices, ",
              self.device(), " and ", other.device(), "!");
  if (!reducible(Accumulate::Input, self, {}) || !reducible(Accumulate::Input, other, {})) return call_native<AtenOp>(self, other);
  if (self.sizes() != other.sizes()) return false;
  if (self.numel() == 0) return true;
  const at::Tensor result = make_result(self, all_dims(), false, at::kBool);
  RowSpace space(self.sizes(), all_dims());
  Circuit& circuit = space.circuit();
  const Ref x = space.input(self), y = space.input(other);
  const DType compute = compute_type(to_dtype(c10::promoteTypes(self.scalar_type(), other.scalar_type())));
  const Ref same = circuit.add_node(Op::eq, compute, DType::Bool, {x, y});
  space.kept_output(result, circuit.add_node(Op::all, DType::Bool, DType::Bool, {same}));
  space.submit(self);
  count_compiled<AtenOp>();
  return result.item<bool>();
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
#define HG_REDUCTION(row, rule, keeps_empty, id, out) kernel_##id::register_in(m);
#include "reduction_table.inc"
#undef HG_REDUCTION
  register_kernel<at::_ops::sum, &sum_all>(m);
  register_kernel<at::_ops::mean, &mean_all>(m);
  register_kernel<at::_ops::prod, &prod_all>(m);
  register_kernel<at::_ops::max, &extreme_all<Op::amax, at::_ops::max>>(m);
  register_kernel<at::_ops::min, &extreme_all<Op::amin, at::_ops::min>>(m);
  register_kernel<at::_ops::max_unary_out, &extreme_all_out<Op::amax, at::_ops::max_unary_out>>(m);
  register_kernel<at::_ops::min_unary_out, &extreme_all_out<Op::amin, at::_ops::min_unary_out>>(m);
  register_kernel<at::_ops::aminmax, &aminmax>(m);
  register_kernel<at::_ops::aminmax_out, &aminmax_out>(m);
  register_kernel<at::_ops::count_nonzero_dim_IntList, &count_nonzero>(m);
  register_kernel<at::_ops::nansum, &nansum>(m);
  register_kernel<at::_ops::nansum_out, &nansum_out>(m);
  register_kernel<at::_ops::equal, &equal>(m);
}

}  // namespace
}  // namespace hologram::aten
