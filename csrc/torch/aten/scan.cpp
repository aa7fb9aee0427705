// Scans: running folds along one dim.
#include <ATen/WrapDimUtils.h>
#include <ATen/ops/cumprod_meta.h>
#include <ATen/ops/cumsum_meta.h>
#include <torch/library.h>

#include "torch/aten/boxed.h"
#include "torch/aten/row_space.h"
#include "torch/aten/structured.h"

namespace hologram::aten {
namespace {

void count(OpStat& stat) { stat.compiled.fetch_add(1, std::memory_order_relaxed); }

bool computes(const at::Tensor& self, std::optional<c10::ScalarType> result) {
  return is_row_type(self.scalar_type()) && self.dim() <= kMaxRowSpaceRank && self.layout() == at::kStrided &&
         (!result || (is_row_type(*result) && *result != at::kBool));
}

/// torch accumulates f32 in f64, and f16 and bf16 in f32.
DType running_type(DType result) { return result == DType::F32 ? DType::F64 : math_type(result); }

void scan_into(Op op, DType compute, const at::Tensor& self, int64_t dim, const at::Tensor& out, const at::Tensor* second = nullptr) {
  if (self.numel() == 0) return;
  RowSpace space(self.sizes(), DimMask(1ull << at::maybe_wrap_dim(dim, self.dim())));
  const Ref x = space.input(self);
  const Ref result = space.circuit().add_node(op, compute, dtype_of(out), {x});
  space.output(out, result);
  if (second) space.output(*second, static_cast<Ref>(result + 1));
  space.submit(self);
}

// ---- cumsum, cumprod ----

struct Cumulative {
  Op op;
  Overload functional, out, in_place;
};
constexpr Cumulative kCumsum{Op::cumsum, {"aten::cumsum", ""}, {"aten::cumsum", "out"}, {"aten::cumsum_", ""}};
constexpr Cumulative kCumprod{Op::cumprod, {"aten::cumprod", ""}, {"aten::cumprod", "out"}, {"aten::cumprod_", ""}};
using Dtype = std::optional<c10::ScalarType>;

template <class Meta>
void run(const Cumulative& c, OpStat& stat, Structured<Meta>& result, const at::Tensor& self, int64_t dim, Dtype dtype) {
  result.meta(self, dim, dtype);
  result.check_overlap(self);
  scan_into(c.op, running_type(dtype_of(result[0])), self, dim, result[0]);
  count(stat);
}

template <class Meta>
at::Tensor cumulative(const Cumulative& c, OpStat& stat, const at::Tensor& self, int64_t dim, Dtype dtype) {
  if (!computes(self, dtype)) return delegate_tensor(c.functional, self, dim, dtype);
  Structured<Meta> result;
  run(c, stat, result, self, dim, dtype);
  return result.take();
}

template <class Meta>
at::Tensor& cumulative_out(const Cumulative& c, OpStat& stat, const at::Tensor& self, int64_t dim, Dtype dtype, at::Tensor& out) {
  if (!computes(self, out.scalar_type())) {
    delegate_call(c.out, self, dim, dtype, out);
    return out;
  }
  Structured<Meta> result(out);
  run(c, stat, result, self, dim, dtype);
  return out;
}

template <class Meta>
at::Tensor& cumulative_in_place(const Cumulative& c, OpStat& stat, at::Tensor& self, int64_t dim, Dtype dtype) {
  if (!computes(self, self.scalar_type())) {
    delegate_call(c.in_place, self, dim, dtype);
    return self;
  }
  Structured<Meta> result(self, Structured<Meta>::Form::InPlace);
  run(c, stat, result, self, dim, dtype);
  return self;
}

at::Tensor cumsum(const at::Tensor& self, int64_t dim, Dtype dtype) {
  static OpStat& stat = op_stat("cumsum");
  return cumulative<at::meta::structured_cumsum>(kCumsum, stat, self, dim, dtype);
}
at::Tensor& cumsum_out(const at::Tensor& self, int64_t dim, Dtype dtype, at::Tensor& out) {
  static OpStat& stat = op_stat("cumsum.out");
  return cumulative_out<at::meta::structured_cumsum>(kCumsum, stat, self, dim, dtype, out);
}
at::Tensor& cumsum_(at::Tensor& self, int64_t dim, Dtype dtype) {
  static OpStat& stat = op_stat("cumsum_");
  return cumulative_in_place<at::meta::structured_cumsum>(kCumsum, stat, self, dim, dtype);
}
at::Tensor cumprod(const at::Tensor& self, int64_t dim, Dtype dtype) {
  static OpStat& stat = op_stat("cumprod");
  return cumulative<at::meta::structured_cumprod>(kCumprod, stat, self, dim, dtype);
}
at::Tensor& cumprod_out(const at::Tensor& self, int64_t dim, Dtype dtype, at::Tensor& out) {
  static OpStat& stat = op_stat("cumprod.out");
  return cumulative_out<at::meta::structured_cumprod>(kCumprod, stat, self, dim, dtype, out);
}
at::Tensor& cumprod_(at::Tensor& self, int64_t dim, Dtype dtype) {
  static OpStat& stat = op_stat("cumprod_");
  return cumulative_in_place<at::meta::structured_cumprod>(kCumprod, stat, self, dim, dtype);
}

// ---- cummax, cummin: torch's composite has resized both outputs ----

void running_extreme(Op op, OpStat& stat, const Overload& overload, const at::Tensor& self, at::Tensor& values,
                     at::Tensor& indices, int64_t dim) {
  if (!computes(self, {}) || values.scalar_type() != self.scalar_type() || indices.scalar_type() != at::kLong ||
      values.sizes() != self.sizes() || indices.sizes() != self.sizes()) {
    delegate_call(overload, self, values, indices, dim);
    return;
  }
  scan_into(op, math_type(dtype_of(self)), self, dim, values, &indices);
  count(stat);
}

void cummax_helper(const at::Tensor& self, at::Tensor& values, at::Tensor& indices, int64_t dim) {
  static OpStat& stat = op_stat("_cummax_helper");
  running_extreme(Op::cummax, stat, {"aten::_cummax_helper", ""}, self, values, indices, dim);
}
void cummin_helper(const at::Tensor& self, at::Tensor& values, at::Tensor& indices, int64_t dim) {
  static OpStat& stat = op_stat("_cummin_helper");
  running_extreme(Op::cummin, stat, {"aten::_cummin_helper", ""}, self, values, indices, dim);
}

// ---- logcumsumexp ----

bool computes_logcumsumexp(const at::Tensor& self) { return computes(self, {}) && is_row_float(self.scalar_type()); }

at::Tensor logcumsumexp(const at::Tensor& self, int64_t dim) {
  static OpStat& stat = op_stat("_logcumsumexp");
  if (!computes_logcumsumexp(self)) return delegate_tensor({"aten::_logcumsumexp", ""}, self, dim);
  at::Tensor result = empty(self.sizes(), self.scalar_type(), self.device());
  scan_into(Op::logcumsumexp, math_type(dtype_of(self)), self, dim, result);
  count(stat);
  return result;
}
at::Tensor& logcumsumexp_out(const at::Tensor& self, int64_t dim, at::Tensor& out) {
  static OpStat& stat = op_stat("_logcumsumexp.out");
  if (!computes_logcumsumexp(self) || out.scalar_type() != self.scalar_type() || out.sizes() != self.sizes() ||
      out.device() != self.device()) {
    delegate_call({"aten::_logcumsumexp", "out"}, self, dim, out);
    return out;
  }
  check_overlap(out, self);
  scan_into(Op::logcumsumexp, math_type(dtype_of(self)), self, dim, out);
  count(stat);
  return out;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("cumsum", TORCH_FN(cumsum));
  m.impl("cumsum.out", TORCH_FN(cumsum_out));
  m.impl("cumsum_", TORCH_FN(cumsum_));
  m.impl("cumprod", TORCH_FN(cumprod));
  m.impl("cumprod.out", TORCH_FN(cumprod_out));
  m.impl("cumprod_", TORCH_FN(cumprod_));
  m.impl("_cummax_helper", TORCH_FN(cummax_helper));
  m.impl("_cummin_helper", TORCH_FN(cummin_helper));
  m.impl("_logcumsumexp", TORCH_FN(logcumsumexp));
  m.impl("_logcumsumexp.out", TORCH_FN(logcumsumexp_out));
}

}  // namespace
}  // namespace hologram::aten
