// Tensors made from numbers: arange, linspace, eye, and the triangles. Fills are rows of the op table.
//
// Arguments that torch refuses go to torch's own kernel, which says so in its own words.
#include <ATen/Dispatch.h>
#include <ATen/MemoryOverlap.h>
#include <ATen/core/Tensor.h>
#include <ATen/native/Resize.h>
#include <ATen/ops/arange_ops.h>
#include <ATen/ops/eye_ops.h>
#include <ATen/ops/linspace_ops.h>
#include <ATen/ops/tril_ops.h>
#include <ATen/ops/triu_ops.h>
#include <torch/library.h>

#include <cmath>

#include "torch/aten/core/common.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {
namespace {

/// Runs one op whose arguments are numbers over the elements of `out`, in row-major order.
template <class... Numbers>
void generate(Op op, const at::Tensor& out, Numbers... numbers) {
  if (out.numel() == 0) return;
  at::assert_no_internal_overlap(out);
  const DType dtype = to_dtype(out.scalar_type());
  Circuit circuit;
  set_sizes(circuit, out.sizes());
  const Ref value = circuit.add_node(op, compute_type(dtype), dtype, {circuit.add_scalar(numbers)...});
  add_output(circuit, out, value);
  submit(circuit, out);
}

/// A new size for `out` unless it already has that many elements (arange, linspace and range keep such a shape).
void resize_to_count(const at::Tensor& out, int64_t count, bool warn) {
  if (out.numel() == count) return;
  if (warn && out.numel() > 0)
    TORCH_WARN("The number of elements in the out tensor of shape ", out.sizes(), " is ", out.numel(),
               " which does not match the computed number of elements ", count,
               ". Note that this may occur as a result of rounding error. The out tensor will be resized to a tensor of shape (",
               count, ",).");
  out.resize_({count});
}

/// 0, 1 ... n-1 along dimension `dim` of a tensor of `rank` dimensions (size 1 elsewhere).
at::Tensor coordinates(int64_t n, int64_t dim, int64_t rank, c10::Device device) {
  int64_t shape[kMaxRank];
  for (int64_t d = 0; d < rank; ++d) shape[d] = d == dim ? n : 1;
  at::Tensor t = empty(c10::IntArrayRef(shape, static_cast<size_t>(rank)), at::kLong, device);
  generate(Op::arange_int, t, int64_t{0}, int64_t{1});
  return t;
}

// ---- sequences ----

/// Elements of arange, or -1 where torch's own checks must speak.
int64_t arange_count(const at::Scalar& start, const at::Scalar& end, const at::Scalar& step, c10::ScalarType dtype) {
  const double first = start.toDouble(), last = end.toDouble(), by = step.toDouble();
  if (!std::isfinite(first) || !std::isfinite(last) || !(by > 0 ? last >= first : by < 0 && last <= first)) return -1;
  double count = std::ceil((last - first) / by);
  if (dtype == at::kLong) {   // exact beyond 2^53
    const int64_t a = start.toLong(), b = end.toLong(), s = step.toLong();
    int64_t span = 0;
    if (s == 0 || __builtin_sub_overflow(b, a, &span) || __builtin_add_overflow(span, s - (s > 0 ? 1 : -1), &span)) return -1;
    return span / s;
  }
  return count < 9.0e18 ? static_cast<int64_t>(count) : -1;
}

at::Tensor& arange_out(const at::Scalar& start, const at::Scalar& end, const at::Scalar& step, at::Tensor& out) {
  const c10::ScalarType dtype = out.scalar_type();
  const bool integral = c10::isIntegralType(dtype, /*includeBool=*/false);
  const bool numbers = !start.isComplex() && !end.isComplex() && !step.isComplex();
  int64_t count = -1;
  if (numbers && (integral || (c10::isFloatingType(dtype) && is_compiled_type(dtype))))
    count = arange_count(start, end, step, dtype);
  if (count < 0 || (integral && step.toLong() == 0)) return call_native<at::_ops::arange_start_out>(start, end, step, out);
  static OpStat& stat = op_stat<at::_ops::arange_start_out>();
  stat.compiled.fetch_add(1, std::memory_order_relaxed);
  resize_to_count(out, count, /*warn=*/true);
  if (integral) generate(Op::arange_int, out, start.toLong(), step.toLong());
  else generate(Op::arange, out, start.toDouble(), step.toDouble());
  return out;
}

/// A bound of an integer sequence as torch's kernel gets it: cut off, wrapped where unsigned, an error where it does not fit.
double integer_bound(const at::Scalar& bound, c10::ScalarType dtype) {
  return AT_DISPATCH_INTEGRAL_TYPES(dtype, "linspace_cpu", [&] { return static_cast<double>(bound.to<scalar_t>()); });
}

at::Tensor& linspace_out(const at::Scalar& start, const at::Scalar& end, int64_t steps, at::Tensor& out) {
  const c10::ScalarType dtype = out.scalar_type();
  const bool integral = c10::isIntegralType(dtype, /*includeBool=*/false);
  if (steps < 0 || start.isComplex() || end.isComplex() || !(integral || c10::isFloatingType(dtype)) || !is_compiled_type(dtype))
    return call_native<at::_ops::linspace_out>(start, end, steps, out);
  static OpStat& stat = op_stat<at::_ops::linspace_out>();
  stat.compiled.fetch_add(1, std::memory_order_relaxed);
  resize_to_count(out, steps, /*warn=*/false);
  if (steps == 0) return out;
  if (integral) {
    const double first = integer_bound(start, dtype);
    generate(Op::linspace_int, out, first, steps == 1 ? first : integer_bound(end, dtype), steps);
  } else {
    generate(Op::linspace, out, start.toDouble(), end.toDouble(), steps);
  }
  return out;
}

// ---- matrices ----

at::Tensor& eye_m_out(int64_t n, int64_t m, at::Tensor& out) {
  if (n < 0 || m < 0 || !is_compiled_type(out.scalar_type())) return call_native<at::_ops::eye_m_out>(n, m, out);
  static OpStat& stat = op_stat<at::_ops::eye_m_out>();
  stat.compiled.fetch_add(1, std::memory_order_relaxed);
  out.resize_({n, m});
  if (out.numel() == 0) return out;
  const at::Tensor row = coordinates(n, 0, 2, out.device()), col = coordinates(m, 1, 2, out.device());
  const DType dtype = to_dtype(out.scalar_type());
  Circuit circuit;
  set_sizes(circuit, out.sizes());
  const Ref value = circuit.add_node(Op::eye, compute_type(dtype), dtype, {add_input(circuit, row), add_input(circuit, col)});
  add_output(circuit, out, value);
  submit(circuit, out);
  return out;
}

at::Tensor& eye_out(int64_t n, at::Tensor& out) { return eye_m_out(n, n, out); }

bool is_matrix(const at::Tensor& t) { return t.dim() >= 2 && t.dim() <= kMaxRank && is_compiled_type(t.scalar_type()); }

void triangle(Op op, OpStat& stat, const at::Tensor& self, int64_t diagonal, const at::Tensor& out) {
  stat.compiled.fetch_add(1, std::memory_order_relaxed);
  if (self.numel() == 0) return;
  const int64_t rank = self.dim();
  const at::Tensor row = coordinates(self.size(-2), rank - 2, rank, self.device());
  const at::Tensor col = coordinates(self.size(-1), rank - 1, rank, self.device());
  const DType dtype = to_dtype(self.scalar_type());
  Circuit circuit;
  set_sizes(circuit, self.sizes());
  const Ref value = circuit.add_node(op, compute_type(dtype), dtype,
                                     {add_input(circuit, self), add_input(circuit, row), add_input(circuit, col),
                                      circuit.add_scalar(diagonal)});
  add_output(circuit, out, value);
  submit(circuit, out);
}

// One overload set per triangle: the op code, and torch's own kernels for what is not compiled.
template <Op op, class Functional, class InPlace, class Out>
struct Triangle {
  static at::Tensor functional(const at::Tensor& self, int64_t diagonal) {
    if (!is_matrix(self)) return call_native<Functional>(self, diagonal);
    static OpStat& stat = op_stat(op_name(op));
    at::Tensor out = empty(self.sizes(), self.scalar_type(), self.device());
    triangle(op, stat, self, diagonal, out);
    return out;
  }
  static at::Tensor& in_place(at::Tensor& self, int64_t diagonal) {
    if (!is_matrix(self) || !self.is_non_overlapping_and_dense()) return call_native<InPlace>(self, diagonal);
    static OpStat& stat = op_stat(op == Op::tril ? "tril_" : "triu_");
    triangle(op, stat, self, diagonal, self);
    return self;
  }
  static at::Tensor& out(const at::Tensor& self, int64_t diagonal, at::Tensor& out) {
    const bool plain = is_matrix(self) && out.scalar_type() == self.scalar_type() && out.device() == self.device();
    if (!plain || out.is_alias_of(self)) return call_native<Out>(self, diagonal, out);
    static OpStat& stat = op_stat(op == Op::tril ? "tril.out" : "triu.out");
    at::native::resize_output(out, self.sizes());
    triangle(op, stat, self, diagonal, out);
    return out;
  }
};

using Lower = Triangle<Op::tril, at::_ops::tril, at::_ops::tril_, at::_ops::tril_out>;
using Upper = Triangle<Op::triu, at::_ops::triu, at::_ops::triu_, at::_ops::triu_out>;

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::arange_start_out, &arange_out>(m);
  register_kernel<at::_ops::linspace_out, &linspace_out>(m);
  register_kernel<at::_ops::eye_out, &eye_out>(m);
  register_kernel<at::_ops::eye_m_out, &eye_m_out>(m);
  register_kernel<at::_ops::tril, &Lower::functional>(m);
  register_kernel<at::_ops::tril_, &Lower::in_place>(m);
  register_kernel<at::_ops::tril_out, &Lower::out>(m);
  register_kernel<at::_ops::triu, &Upper::functional>(m);
  register_kernel<at::_ops::triu_, &Upper::in_place>(m);
  register_kernel<at::_ops::triu_out, &Upper::out>(m);
}

}  // namespace
}  // namespace hologram::aten
