// Scans: running folds along one dim.
#include <ATen/MemoryOverlap.h>
#include <ATen/WrapDimUtils.h>
#include <ATen/ops/_cummax_helper_ops.h>
#include <ATen/ops/_cummin_helper_ops.h>
#include <ATen/ops/_logcumsumexp_ops.h>
#include <ATen/ops/cumprod_meta.h>
#include <ATen/ops/cumprod_ops.h>
#include <ATen/ops/cumsum_meta.h>
#include <ATen/ops/cumsum_ops.h>

#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"
#include "torch/aten/core/structured.h"

namespace hologram::aten {
namespace {

bool computes(const at::Tensor& self, std::optional<c10::ScalarType> result) {
  return is_row_type(self.scalar_type()) && self.dim() <= kMaxRowSpaceRank && self.layout() == at::kStrided &&
         (!result || (is_row_type(*result) && *result != at::kBool));
}

void scan_into(Op op, DType compute, const at::Tensor& self, int64_t dim, const at::Tensor& out, const at::Tensor* second = nullptr) {
  dim = at::maybe_wrap_dim(dim, self.dim());   // an error even where there is nothing to do
  if (self.numel() == 0) return;
  RowSpace space(self.sizes(), DimMask(1ull << dim));
  const Ref x = space.input(self);
  const Ref result = space.circuit().add_node(op, compute, dtype_of(out), {x});
  space.output(out, result);
  if (second) space.output(*second, static_cast<Ref>(result + 1));
  space.submit(self);
}

// ---- cumsum, cumprod ----

struct Cumsum {
  static constexpr Op op = Op::cumsum;   // compensated
  static DType compute(DType result) { return compute_type(result); }
  using Meta = at::meta::structured_cumsum;
  using Functional = at::_ops::cumsum;
  using Out = at::_ops::cumsum_out;
  using InPlace = at::_ops::cumsum_;
};
struct Cumprod {
  static constexpr Op op = Op::cumprod;   // torch multiplies f32 in f64, too
  static DType compute(DType result) { return result == DType::F32 ? DType::F64 : compute_type(result); }
  using Meta = at::meta::structured_cumprod;
  using Functional = at::_ops::cumprod;
  using Out = at::_ops::cumprod_out;
  using InPlace = at::_ops::cumprod_;
};

template <class Row>
struct CumulativeKernel {
  using Dtype = std::optional<c10::ScalarType>;
  using Result = Structured<typename Row::Meta>;

  template <class AtenOp>
  static void run(Result& result, const at::Tensor& self, int64_t dim, Dtype dtype) {
    result.meta(self, dim, dtype);
    result.check_overlap(self);
    scan_into(Row::op, Row::compute(dtype_of(result[0])), self, dim, result[0]);
    count_compiled<AtenOp>();
  }

  static at::Tensor functional(const at::Tensor& self, int64_t dim, Dtype dtype) {
    using AtenOp = typename Row::Functional;
    if (!computes(self, dtype)) return call_native<AtenOp>(self, dim, dtype);
    Result result;
    run<AtenOp>(result, self, dim, dtype);
    return result.take();
  }

  static at::Tensor& out(const at::Tensor& self, int64_t dim, Dtype dtype, at::Tensor& out) {
    using AtenOp = typename Row::Out;
    if (!computes(self, out.scalar_type())) return call_native<AtenOp>(self, dim, dtype, out);
    Result result(out);
    run<AtenOp>(result, self, dim, dtype);
    return out;
  }

  static at::Tensor& in_place(at::Tensor& self, int64_t dim, Dtype dtype) {
    using AtenOp = typename Row::InPlace;
    if (!computes(self, self.scalar_type())) return call_native<AtenOp>(self, dim, dtype);
    Result result(self, SchemaKind::InPlace);
    run<AtenOp>(result, self, dim, dtype);
    return self;
  }

  static void register_in(torch::Library& m) {
    register_kernel<typename Row::Functional, &functional>(m);
    register_kernel<typename Row::Out, &out>(m);
    register_kernel<typename Row::InPlace, &in_place>(m);
  }
};

// ---- cummax, cummin: torch's composite has resized both outputs ----

template <Op op, class AtenOp>
void running_extreme(const at::Tensor& self, at::Tensor& values, at::Tensor& indices, int64_t dim) {
  if (!computes(self, {}) || values.scalar_type() != self.scalar_type() || indices.scalar_type() != at::kLong ||
      values.sizes() != self.sizes() || indices.sizes() != self.sizes() ||
      at::has_internal_overlap(values) == at::MemOverlap::Yes || at::has_internal_overlap(indices) == at::MemOverlap::Yes)
    return call_native<AtenOp>(self, values, indices, dim);
  scan_into(op, compute_type(dtype_of(self)), self, dim, values, &indices);
  count_compiled<AtenOp>();
}

// ---- logcumsumexp ----

bool computes_logcumsumexp(const at::Tensor& self) { return computes(self, {}) && is_row_float(self.scalar_type()); }

at::Tensor logcumsumexp(const at::Tensor& self, int64_t dim) {
  using AtenOp = at::_ops::_logcumsumexp;
  if (!computes_logcumsumexp(self)) return call_native<AtenOp>(self, dim);
  at::Tensor result = empty(self.sizes(), self.scalar_type(), self.device());
  scan_into(Op::logcumsumexp, compute_type(dtype_of(self)), self, dim, result);
  count_compiled<AtenOp>();
  return result;
}

at::Tensor& logcumsumexp_out(const at::Tensor& self, int64_t dim, at::Tensor& out) {
  using AtenOp = at::_ops::_logcumsumexp_out;
  if (!computes_logcumsumexp(self) || out.scalar_type() != self.scalar_type() || out.sizes() != self.sizes() ||
      out.device() != self.device())
    return call_native<AtenOp>(self, dim, out);
  check_overlap(out, self);
  scan_into(Op::logcumsumexp, compute_type(dtype_of(self)), self, dim, out);
  count_compiled<AtenOp>();
  return out;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  using namespace at::_ops;
  CumulativeKernel<Cumsum>::register_in(m);
  CumulativeKernel<Cumprod>::register_in(m);
  register_kernel<_cummax_helper, &running_extreme<Op::cummax, _cummax_helper>>(m);
  register_kernel<_cummin_helper, &running_extreme<Op::cummin, _cummin_helper>>(m);
  register_kernel<_logcumsumexp, &logcumsumexp>(m);
  register_kernel<_logcumsumexp_out, &logcumsumexp_out>(m);
}

}  // namespace
}  // namespace hologram::aten
