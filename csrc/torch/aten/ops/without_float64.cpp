// Backends without float64. Some of torch's formulas make tensors of float64 on the way, whatever the input, on every device but
// MPS. Here they compute in float32, as torch's do there. On other backends torch's formula runs as it is.
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_matrix_rank_native.h>
#include <ATen/ops/linalg_matrix_rank_ops.h>
#include <ATen/ops/linalg_pinv_native.h>
#include <ATen/ops/linalg_pinv_ops.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/renorm_meta.h>
#include <ATen/ops/renorm_ops.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/FunctionsManual.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "torch/aten/core/registration.h"
#include "torch/aten/core/structured.h"

namespace hologram::aten {
namespace {

using at::Tensor;

bool has_float64(const Tensor& self) {
  if (!is_hologram(self)) return true;
  const bool known = self.has_storage();     // wrappers of torch.func have none
  return (known ? home_queue(self) : current_queue(self.device().index())).has_float64();
}

// ---- pinv and matrix_rank: the tolerances, which torch keeps in float64 ----

using Given = std::optional<Tensor>;
using Number = std::optional<double>;

/// Does torch's formula need help? What it refuses, it refuses itself.
bool lacks_tolerances(const Tensor& self) {
  return !has_float64(self) && c10::toRealValueType(self.scalar_type()) != at::kDouble && self.dim() >= 2;
}

Tensor number(const Tensor& self, double value) { return at::full({}, value, self.options().dtype(at::kFloat)); }

/// Relative to the largest singular value, where the caller names neither tolerance.
double default_rtol(const Tensor& self) {
  TORCH_CHECK(c10::toRealValueType(self.scalar_type()) == at::kFloat,
              "This function doesn't handle types other than float and double");
  return static_cast<double>(std::numeric_limits<float>::epsilon()) * static_cast<double>(std::max(self.size(-1), self.size(-2)));
}

Tensor atol_of(const Tensor& self, const Given& atol) { return atol ? *atol : number(self, 0); }
Tensor rtol_of(const Tensor& self, const Given& atol, const Given& rtol) {
  if (rtol) return *rtol;
  const Tensor usual = number(self, default_rtol(self));
  return atol ? at::where(atol->gt(0), at::zeros_like(usual), usual) : usual;
}
Tensor atol_of(const Tensor& self, Number atol) { return number(self, atol.value_or(0)); }
Tensor rtol_of(const Tensor& self, Number atol, Number rtol) {
  return number(self, rtol ? *rtol : atol.value_or(0) > 0 ? 0 : default_rtol(self));
}

struct Pinv {
  using Tensors = at::_ops::linalg_pinv_atol_rtol_tensor;
  using TensorsOut = at::_ops::linalg_pinv_atol_rtol_tensor_out;
  static constexpr bool kNumberIsRelative = true;     // of the overloads with one tolerance
  template <class... Args> static Tensor native(const Args&... args) { return at::native::linalg_pinv(args...); }
  template <class... Args> static Tensor& native_out(Args&&... args) { return at::native::linalg_pinv_out(args...); }
};

struct MatrixRank {
  using Tensors = at::_ops::linalg_matrix_rank_atol_rtol_tensor;
  using TensorsOut = at::_ops::linalg_matrix_rank_atol_rtol_tensor_out;
  static constexpr bool kNumberIsRelative = false;
  template <class... Args> static Tensor native(const Args&... args) { return at::native::linalg_matrix_rank(args...); }
  template <class... Args> static Tensor& native_out(Args&&... args) { return at::native::linalg_matrix_rank_out(args...); }
};

/// All overloads end at the one that takes two tensors, with both of them made.
template <class Op>
struct WithTolerances {
  using Tensors = typename Op::Tensors;
  using TensorsOut = typename Op::TensorsOut;

  static Tensor tensors(const Tensor& self, const Given& atol, const Given& rtol, bool hermitian) {
    if (!lacks_tolerances(self)) return Op::native(self, atol, rtol, hermitian);
    return Op::native(self, Given(atol_of(self, atol)), Given(rtol_of(self, atol, rtol)), hermitian);
  }
  static Tensor& tensors_out(const Tensor& self, const Given& atol, const Given& rtol, bool hermitian, Tensor& out) {
    if (!lacks_tolerances(self)) return Op::native_out(self, atol, rtol, hermitian, out);
    return Op::native_out(self, Given(atol_of(self, atol)), Given(rtol_of(self, atol, rtol)), hermitian, out);
  }

  static Tensor numbers(const Tensor& self, Number atol, Number rtol, bool hermitian) {
    if (!lacks_tolerances(self)) return Op::native(self, atol, rtol, hermitian);
    return Tensors::call(self, atol_of(self, atol), rtol_of(self, atol, rtol), hermitian);
  }
  static Tensor& numbers_out(const Tensor& self, Number atol, Number rtol, bool hermitian, Tensor& out) {
    if (!lacks_tolerances(self)) return Op::native_out(self, atol, rtol, hermitian, out);
    return TensorsOut::call(self, atol_of(self, atol), rtol_of(self, atol, rtol), hermitian, out);
  }

  static Tensor one_number(const Tensor& self, double tolerance, bool hermitian) {
    if (!lacks_tolerances(self)) return Op::native(self, tolerance, hermitian);
    return one_tensor(self, number(self, tolerance), hermitian);
  }
  static Tensor& one_number_out(const Tensor& self, double tolerance, bool hermitian, Tensor& out) {
    if (!lacks_tolerances(self)) return Op::native_out(self, tolerance, hermitian, out);
    return one_tensor_out(self, number(self, tolerance), hermitian, out);
  }

  static Tensor one_tensor(const Tensor& self, const Tensor& tolerance, bool hermitian) {
    if (!lacks_tolerances(self)) return Op::native(self, tolerance, hermitian);
    const Tensor none = number(self, 0);
    return Op::kNumberIsRelative ? Tensors::call(self, none, tolerance, hermitian)
                                 : Tensors::call(self, tolerance, none, hermitian);
  }
  static Tensor& one_tensor_out(const Tensor& self, const Tensor& tolerance, bool hermitian, Tensor& out) {
    if (!lacks_tolerances(self)) return Op::native_out(self, tolerance, hermitian, out);
    const Tensor none = number(self, 0);
    return Op::kNumberIsRelative ? TensorsOut::call(self, none, tolerance, hermitian, out)
                                 : TensorsOut::call(self, tolerance, none, hermitian, out);
  }
};

void register_composites(torch::Library& m) {
  using namespace at::_ops;
  using P = WithTolerances<Pinv>;
  register_kernel<linalg_pinv_atol_rtol_float, &P::numbers>(m);
  register_kernel<linalg_pinv_atol_rtol_float_out, &P::numbers_out>(m);
  register_kernel<linalg_pinv, &P::one_number>(m);
  register_kernel<linalg_pinv_out, &P::one_number_out>(m);
  register_kernel<linalg_pinv_rcond_tensor, &P::one_tensor>(m);
  register_kernel<linalg_pinv_out_rcond_tensor, &P::one_tensor_out>(m);
  using R = WithTolerances<MatrixRank>;
  register_kernel<linalg_matrix_rank_atol_rtol_tensor, &R::tensors>(m);
  register_kernel<linalg_matrix_rank_atol_rtol_tensor_out, &R::tensors_out>(m);
  register_kernel<linalg_matrix_rank_atol_rtol_float, &R::numbers>(m);
  register_kernel<linalg_matrix_rank_atol_rtol_float_out, &R::numbers_out>(m);
  register_kernel<linalg_matrix_rank, &R::one_number>(m);
  register_kernel<linalg_matrix_rank_out, &R::one_number_out>(m);
  register_kernel<linalg_matrix_rank_tol_tensor, &R::one_tensor>(m);
  register_kernel<linalg_matrix_rank_out_tol_tensor, &R::one_tensor_out>(m);
}

// ---- renorm: the gradient's norms, which torch computes in the CPU's accumulation type ----

/// renorm of differentiable ops, with the numbers of torch's kernel.
Tensor renorm_by_ops(const Tensor& self, const at::Scalar& p, int64_t dim, const at::Scalar& maxnorm) {
  Structured<at::meta::structured_renorm>().meta(self, p, dim, maxnorm);     // the checks
  at::DimVector rest(self.dim());
  std::iota(rest.begin(), rest.end(), 0);
  rest.erase(rest.begin() + c10::maybe_wrap_dim(dim, self.dim()));
  const std::optional<c10::ScalarType> wide = self.is_complex() ? std::nullopt : std::optional(at::kFloat);
  const Tensor norm = at::linalg_vector_norm(self, p, rest, /*keepdim=*/true, wide);
  const Tensor factor = at::where(norm.gt(maxnorm), (norm + 1e-7).reciprocal() * maxnorm, at::ones_like(norm));
  return self * factor.to(c10::toRealValueType(self.scalar_type()));
}

/// The keys with which torch's own autograd formula is found, below the one that is registered here.
c10::DispatchKeySet torchs_formula(c10::DispatchKeySet keys) {
  return (keys & c10::after_autograd_keyset) | c10::DispatchKeySet(c10::DispatchKey::AutogradOther);
}

bool differentiates_without_float64(const Tensor& self) {
  return !has_float64(self) && (torch::autograd::compute_requires_grad(self) || torch::autograd::isFwGradDefined(self));
}

Tensor renorm(c10::DispatchKeySet keys, const Tensor& self, const at::Scalar& p, int64_t dim, const at::Scalar& maxnorm) {
  if (differentiates_without_float64(self)) return renorm_by_ops(self, p, dim, maxnorm);
  return at::_ops::renorm::redispatch(torchs_formula(keys), self, p, dim, maxnorm);
}

Tensor& renorm_(c10::DispatchKeySet keys, Tensor& self, const at::Scalar& p, int64_t dim, const at::Scalar& maxnorm) {
  if (differentiates_without_float64(self)) return self.copy_(renorm_by_ops(self.clone(), p, dim, maxnorm));
  return at::_ops::renorm_::redispatch(torchs_formula(keys), self, p, dim, maxnorm);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_composites(m);
  register_kernel<at::_ops::linalg_pinv_atol_rtol_tensor, &WithTolerances<Pinv>::tensors>(m);
}
TORCH_LIBRARY_IMPL(aten, AutogradPrivateUse1, m) {
  register_composites(m);      // differentiable as they are
  register_kernel<at::_ops::renorm, &renorm>(m);
  register_kernel<at::_ops::renorm_, &renorm_>(m);
}

}  // namespace
}  // namespace hologram::aten
