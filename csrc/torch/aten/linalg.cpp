// Matrix products: torch's BLAS on the device's memory.
//
// The kernels under at::cpu:: read sizes and addresses of the tensors they are given and never ask for their device, so
// the common case calls them on hologram tensors as they are: no alias, no second dispatch. Everything else (mixed devices,
// complex, integers, errors) takes the boxed road, whose checks and messages are torch's.
//
// float16 and bfloat16 products run in float32 where the processor has no instructions for them: torch's own kernels are up
// to a thousand times slower there. Inputs widen exactly, results round once.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_to_copy.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/addmm_ops.h>
#include <ATen/ops/addmv_cpu_dispatch.h>
#include <ATen/ops/addmv_ops.h>
#include <ATen/ops/baddbmm_cpu_dispatch.h>
#include <ATen/ops/bmm_cpu_dispatch.h>
#include <ATen/ops/bmm_ops.h>
#include <ATen/ops/dot_cpu_dispatch.h>
#include <ATen/ops/dot_ops.h>
#include <ATen/ops/mm_cpu_dispatch.h>
#include <ATen/ops/mm_ops.h>
#include <torch/library.h>

#include <cstring>

#include "torch/aten/common.h"
#include "torch/aten/delegate.h"

namespace hologram::aten {
namespace {

using at::Scalar;
using at::Tensor;

bool same_kind(const Tensor& a, const Tensor& b) {
  return is_hologram(a) && a.device() == b.device() && a.scalar_type() == b.scalar_type();
}

bool blas_type(const Tensor& t) {
  return t.scalar_type() == at::kFloat || t.scalar_type() == at::kDouble;
}

bool matrices(const Tensor& a, const Tensor& b) {
  return a.dim() == 2 && b.dim() == 2 && a.size(1) == b.size(0) && same_kind(a, b);
}

bool batches(const Tensor& a, const Tensor& b) {
  return a.dim() == 3 && b.dim() == 3 && a.size(0) == b.size(0) && a.size(2) == b.size(1) && same_kind(a, b);
}

// Does a half-precision product of this many multiplications run faster through float32? Below kSmall the set-up of
// the half-precision kernels costs more than the conversions.
bool runs_in_float(const Tensor& t, int64_t multiplications) {
  constexpr int64_t kSmall = 64 * 64 * 64;
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool f16 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512fp16");
  static const bool bf16 = __builtin_cpu_supports("avx512bf16");
#else
  constexpr bool f16 = true, bf16 = true;
#endif
  if (t.scalar_type() == at::kHalf) return !f16 || multiplications <= kSmall;
  if (t.scalar_type() == at::kBFloat16) return !bf16 || multiplications <= kSmall;
  return false;
}

Tensor widen(const Tensor& t) { return at::_to_copy(t, at::kFloat); }
Tensor narrow_to(const Tensor& t, at::ScalarType type) { return at::_to_copy(t, type); }

void count(OpStat& stat) { stat.library.fetch_add(1, std::memory_order_relaxed); }

// out <- self, broadcast over rows: the start value of addmm.
void start_from(const Tensor& out, const Tensor& self) {
  if (self.dim() != 1 || !self.is_contiguous() || self.size(0) != out.size(1)) {
    out.copy_(self);
    return;
  }
  stream_of(out).flush();
  const size_t row = static_cast<size_t>(self.nbytes());
  const auto* source = static_cast<const char*>(self.const_data_ptr());
  auto* target = static_cast<char*>(out.mutable_data_ptr());
  for (int64_t i = 0; i < out.size(0); ++i, target += row) std::memcpy(target, source, row);
}

Tensor mm(const Tensor& a, const Tensor& b) {
  if (matrices(a, b)) {
    static OpStat& stat = op_stat("mm");
    if (blas_type(a)) {
      Tensor out = empty({a.size(0), b.size(1)}, a.scalar_type(), a.device());
      stream_of(a).flush();
      at::cpu::mm_outf(a, b, out);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.numel() * b.size(1))) return narrow_to(mm(widen(a), widen(b)), a.scalar_type());
  }
  return library_op<at::_ops::mm>(a, b);
}

bool expands_to(const Tensor& self, int64_t rows, int64_t columns) {
  if (self.dim() > 2) return false;
  const int64_t r = self.dim() == 2 ? self.size(0) : 1, c = self.dim() >= 1 ? self.size(-1) : 1;
  return (r == 1 || r == rows) && (c == 1 || c == columns);
}

Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  if (matrices(a, b) && same_kind(self, a) && expands_to(self, a.size(0), b.size(1))) {
    static OpStat& stat = op_stat("addmm");
    if (blas_type(a)) {
      Tensor out = empty({a.size(0), b.size(1)}, a.scalar_type(), a.device());
      start_from(out, self);
      stream_of(a).flush();
      at::cpu::addmm_outf(out, a, b, beta, alpha, out);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.numel() * b.size(1)))
      return narrow_to(addmm(widen(self), widen(a), widen(b), beta, alpha), a.scalar_type());
  }
  return library_op<at::_ops::addmm>(self, a, b, beta, alpha);
}

Tensor bmm(const Tensor& a, const Tensor& b) {
  if (batches(a, b)) {
    static OpStat& stat = op_stat("bmm");
    if (blas_type(a)) {
      Tensor out = empty({a.size(0), a.size(1), b.size(2)}, a.scalar_type(), a.device());
      stream_of(a).flush();
      at::cpu::bmm_outf(a, b, out);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.size(1) * a.size(2) * b.size(2))) return narrow_to(bmm(widen(a), widen(b)), a.scalar_type());
  }
  return library_op<at::_ops::bmm>(a, b);
}

Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  if (batches(a, b) && same_kind(self, a) && self.dim() <= 3 && runs_in_float(a, a.size(1) * a.size(2) * b.size(2)))
    return narrow_to(baddbmm(widen(self), widen(a), widen(b), beta, alpha), a.scalar_type());
  return library_op<at::_ops::baddbmm>(self, a, b, beta, alpha);
}

Tensor mv(const Tensor& a, const Tensor& x) {
  if (a.dim() == 2 && x.dim() == 1 && a.size(1) == x.size(0) && same_kind(a, x)) {
    static OpStat& stat = op_stat("mv");
    if (blas_type(a)) {
      Tensor out = empty({a.size(0)}, a.scalar_type(), a.device());
      stream_of(a).flush();
      at::cpu::addmv_outf(out, a, x, /*beta=*/0, /*alpha=*/1, out);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.numel())) return narrow_to(mv(widen(a), widen(x)), a.scalar_type());
  }
  return library_op<at::_ops::addmv>(empty({a.dim() == 2 ? a.size(0) : 0}, a.scalar_type(), a.device()), a, x, 0, 1);
}

Tensor dot(const Tensor& a, const Tensor& b) {
  if (a.dim() == 1 && b.dim() == 1 && a.size(0) == b.size(0) && same_kind(a, b) && blas_type(a)) {
    static OpStat& stat = op_stat("dot");
    stream_of(a).flush();
    Tensor out = at::cpu::dot(a, b);
    count(stat);
    return out;
  }
  return library_op<at::_ops::dot>(a, b);
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("mm", &mm);
  m.impl("addmm", &addmm);
  m.impl("bmm", &bmm);
  m.impl("baddbmm", &baddbmm);
  m.impl("mv", &mv);
  m.impl("dot", &dot);
  for (const char* name : {"mm.out", "addmm.out", "addmm_", "bmm.out", "baddbmm.out", "baddbmm_"})
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&library>());
}

}  // namespace hologram::aten
