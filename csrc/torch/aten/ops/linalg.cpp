// Matrix products: torch's BLAS on the device's memory.
//
// The kernels under at::cpu:: read sizes and addresses of the tensors they are given and never ask for their device, so
// the common case calls them on hologram tensors as they are: no alias, no second dispatch. Everything else (mixed devices,
// complex, integers, errors) takes the library's path (typed_call.h), whose checks and messages are torch's.
//
// float16 and bfloat16 products run in float32 where the processor has no instructions for them: torch's own kernels are up
// to a thousand times slower there. Inputs widen exactly, results round once. Products with few rows or few columns are our own
// (few_rows.h, narrow_product.h).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_to_copy.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/addmm_ops.h>
#include <ATen/ops/addmv_cpu_dispatch.h>
#include <ATen/ops/addmv_ops.h>
#include <ATen/ops/baddbmm_cpu_dispatch.h>
#include <ATen/ops/baddbmm_ops.h>
#include <ATen/ops/bmm_cpu_dispatch.h>
#include <ATen/ops/bmm_ops.h>
#include <ATen/ops/conj_physical.h>
#include <ATen/ops/dot_cpu_dispatch.h>
#include <ATen/ops/dot_ops.h>
#include <ATen/ops/linear_backward_ops.h>
#include <ATen/ops/linear_native.h>
#include <ATen/ops/linear_ops.h>
#include <ATen/ops/mm_cpu_dispatch.h>
#include <ATen/ops/mm_ops.h>
#include <ATen/ops/mv_ops.h>
#include <torch/library.h>

#include <array>
#include <cstring>
#include <optional>
#include <tuple>

#include "runtime/base/copy_rows.h"
#include "torch/aten/core/common.h"
#include "torch/aten/core/logged_call.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/same_memory.h"
#include "torch/aten/torch_kernels/few_rows.h"
#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/aten/torch_kernels/narrow_product.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {
namespace {

using at::Scalar;
using at::Tensor;

bool same_kind(const Tensor& a, const Tensor& b) {
  return is_hologram(a) && a.device() == b.device() && a.scalar_type() == b.scalar_type();
}

/// May torch's CPU kernels be given these tensors as they are?
bool readable(const Tensor& a, const Tensor& b) {
  return same_kind(a, b) && on_host_kernels(a) && on_host_kernels(b) &&
         (C10_LIKELY(!several_queues()) || home_queue(a).shares_memory_with(home_queue(b)));
}

bool blas_type(const Tensor& t) {
  return t.scalar_type() == at::kFloat || t.scalar_type() == at::kDouble;
}

bool matrices(const Tensor& a, const Tensor& b) {
  return a.dim() == 2 && b.dim() == 2 && a.size(1) == b.size(0) && readable(a, b);
}

bool batches(const Tensor& a, const Tensor& b) {
  return a.dim() == 3 && b.dim() == 3 && a.size(0) == b.size(0) && a.size(2) == b.size(1) && readable(a, b);
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

/// Around a kernel of torch's CPU library that is given hologram tensors as they are.
class LibraryCall {
 public:
  template <class... Inputs>
  explicit LibraryCall(const OpStat& stat, const Tensor& out, const Inputs&... inputs)
      : written_(out.storage().unsafeGetStorageImpl()), block_(block_of(out)) {
    check_one_memory(stat.name, out, inputs...);
    before_read(inputs...);
    before_write(out);
    log_.emplace(stat.name);
    (log_->reads(inputs), ...);
    log_->writes(out);
    pause_recording();   // what the kernel asks of the device it reads at once
  }
  ~LibraryCall() {
    resume_recording();
    if (block_) note_write(*block_);
    watch_pointers(*written_);
  }
  LibraryCall(const LibraryCall&) = delete;
  LibraryCall& operator=(const LibraryCall&) = delete;
  /// What its result began with.
  void began_with(const Tensor& t) { log_->reads(t); }

 private:
  c10::StorageImpl* written_;   // the tensor may have been moved from when the call ends
  const Block* block_;
  PointersInside inside_;
  HostWork work_;
  std::optional<LoggedCall> log_;
};

void count(OpStat& stat) { stat.library.fetch_add(1, std::memory_order_relaxed); }

// out <- self, broadcast over rows: the start value of addmm.
void start_from(const Tensor& out, const Tensor& self) {
  if (self.dim() != 1 || !self.is_contiguous() || self.size(0) != out.size(1)) {
    out.copy_(self);
    return;
  }
  const HostWork work;
  before_read(self);
  before_write(out);
  const size_t row = static_cast<size_t>(self.nbytes());
  const auto* source = static_cast<const char*>(self.const_data_ptr());
  char* target = output_data(out);
  copy_rows(target, source, row, static_cast<size_t>(out.size(0)));
  if (capturing()) capture_copy(target, source, row, out.size(0));
}

/// Does `multiply` take them? `out` is in contiguous rows.
bool multiplies(const Tensor& a, const Tensor& b) { return blas_type(a) || is_few_rows(a, b); }

/// out <- a @ b, and out <- alpha * a @ b + beta * out.
void multiply(Tensor& out, const Tensor& a, const Tensor& b) {
  if (is_few_rows(a, b)) FewRows(out, a, b, false).run(out.mutable_data_ptr(), a.const_data_ptr(), b.const_data_ptr());
  else if (is_narrow_product(out, a, b))
    NarrowProduct(out, a, b, false).run(out.mutable_data_ptr<float>(), a.const_data_ptr<float>(), b.const_data_ptr<float>());
  else at::cpu::mm_outf(a, b, out);
  if (capturing()) capture_product(Product::mm, out, a, b);
}

void multiply_and_add(Tensor& out, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  const bool plain = alpha.equal(1) && beta.equal(1);
  if (plain && is_few_rows(a, b)) FewRows(out, a, b, true).run(out.mutable_data_ptr(), a.const_data_ptr(), b.const_data_ptr());
  else if (plain && is_narrow_product(out, a, b))
    NarrowProduct(out, a, b, true).run(out.mutable_data_ptr<float>(), a.const_data_ptr<float>(), b.const_data_ptr<float>());
  else at::cpu::addmm_outf(out, a, b, beta, alpha, out);
  if (capturing()) capture_product(Product::addmm, out, a, b, beta, alpha);
}

Tensor mm(const Tensor& a, const Tensor& b) {
  if (matrices(a, b)) {
    static OpStat& stat = op_stat<at::_ops::mm>();
    if (multiplies(a, b)) {
      Tensor out = empty({a.size(0), b.size(1)}, a.scalar_type(), a.device());
      const LibraryCall call(stat, out, a, b);
      multiply(out, a, b);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.numel() * b.size(1))) return narrow_to(mm(widen(a), widen(b)), a.scalar_type());
  }
  return call_library<at::_ops::mm>(a, b);
}

bool expands_to(const Tensor& self, int64_t rows, int64_t columns) {
  if (self.dim() > 2) return false;
  const int64_t r = self.dim() == 2 ? self.size(0) : 1, c = self.dim() >= 1 ? self.size(-1) : 1;
  return (r == 1 || r == rows) && (c == 1 || c == columns);
}

Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  if (matrices(a, b) && readable(self, a) && expands_to(self, a.size(0), b.size(1))) {
    static OpStat& stat = op_stat<at::_ops::addmm>();
    if (blas_type(a) || (alpha.equal(1) && beta.equal(1) && is_few_rows(a, b))) {
      Tensor out = empty({a.size(0), b.size(1)}, a.scalar_type(), a.device());
      check_one_memory(stat.name, out, self, a, b);
      start_from(out, self);
      LibraryCall call(stat, out, a, b);
      call.began_with(self);
      multiply_and_add(out, a, b, beta, alpha);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.numel() * b.size(1)))
      return narrow_to(addmm(widen(self), widen(a), widen(b), beta, alpha), a.scalar_type());
  }
  return call_library<at::_ops::addmm>(self, a, b, beta, alpha);
}

// Another shape of the same memory, without the bookkeeping of a view.
Tensor as_matrix(const Tensor& t, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  Tensor m = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(t.storage()), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                                      t.dtype());
  m.unsafeGetTensorImpl()->set_sizes_and_strides(at::IntArrayRef({rows, columns}), at::IntArrayRef({row_stride, column_stride}),
                                                   t.storage_offset());
  return m;
}

// [..., columns] as [rows, columns].
Tensor as_rows(const Tensor& t, int64_t columns) {
  if (t.dim() == 2) return t;
  const Tensor c = t.contiguous();
  return as_matrix(c, columns ? c.numel() / columns : c.numel(), columns, columns, 1);
}

Tensor transposed(const Tensor& m) { return as_matrix(m, m.size(1), m.size(0), m.stride(1), m.stride(0)); }

// nn.Linear in one step: no view of the weight, and one autograd node where addmm and t() would make two.
Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias_opt) {
  const Tensor bias = bias_opt.value_or(Tensor());
  const int64_t features = input.dim() ? input.size(-1) : 0;
  if (input.dim() == 0 || weight.dim() != 2 || weight.size(1) != features || features == 0 || !same_kind(input, weight) ||
      !input.is_floating_point() || (bias.defined() && (bias.dim() != 1 || bias.size(0) != weight.size(0) || !same_kind(bias, weight))))
    return at::native::linear(input, weight, bias_opt);
  c10::SmallVector<int64_t, 6> sizes(input.sizes().begin(), input.sizes().end());
  sizes.back() = weight.size(0);
  const Tensor rows = as_rows(input, features), columns = transposed(weight);
  if (!readable(input, weight) || !multiplies(rows, columns)) return (bias.defined() ? addmm(bias, rows, columns, 1, 1) : mm(rows, columns)).view(sizes);

  static OpStat& stat = op_stat<at::_ops::linear>();
  const Tensor out = empty(sizes, input.scalar_type(), input.device());
  Tensor out_rows = as_matrix(out, rows.size(0), weight.size(0), weight.size(0), 1);
  check_one_memory(stat.name, out, rows, columns, bias.defined() ? bias : rows);
  if (bias.defined()) start_from(out_rows, bias);
  LibraryCall call(stat, out_rows, rows, columns);
  if (bias.defined()) call.began_with(bias);
  if (bias.defined()) multiply_and_add(out_rows, rows, columns, 1, 1);
  else multiply(out_rows, rows, columns);
  count(stat);
  return out;
}

std::tuple<Tensor, Tensor, Tensor> linear_backward_of(const Tensor& input, const Tensor& grad, const Tensor& weight,
                                                      std::array<bool, 3> needed) {
  const Tensor g = as_rows(grad, weight.size(0));
  Tensor grad_input, grad_weight, grad_bias;
  if (needed[0]) {
    grad_input = mm(g, weight);
    if (input.dim() != 2) grad_input = grad_input.view(input.sizes());
  }
  if (needed[1]) grad_weight = mm(transposed(g), as_rows(input, weight.size(1)));
  if (needed[2]) grad_bias = g.sum(0);
  return {grad_input, grad_weight, grad_bias};
}

std::tuple<Tensor, Tensor, Tensor> linear_backward(const Tensor& input, const Tensor& grad, const Tensor& weight,
                                                   std::array<bool, 3> needed) {
  if (!grad.is_complex()) return linear_backward_of(input, grad, weight, needed);
  return linear_backward_of(at::conj_physical(input), grad, at::conj_physical(weight), needed);   // a gradient meets conjugates
}

Tensor bmm(const Tensor& a, const Tensor& b) {
  if (batches(a, b)) {
    static OpStat& stat = op_stat<at::_ops::bmm>();
    if (blas_type(a)) {
      Tensor out = empty({a.size(0), a.size(1), b.size(2)}, a.scalar_type(), a.device());
      const LibraryCall call(stat, out, a, b);
      at::cpu::bmm_outf(a, b, out);
      if (capturing()) capture_product(Product::bmm, out, a, b);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.size(1) * a.size(2) * b.size(2))) return narrow_to(bmm(widen(a), widen(b)), a.scalar_type());
  }
  return call_library<at::_ops::bmm>(a, b);
}

Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  if (batches(a, b) && readable(self, a) && self.dim() <= 3) {
    static OpStat& stat = op_stat<at::_ops::baddbmm>();
    if (blas_type(a) && self.sizes() == at::IntArrayRef({a.size(0), a.size(1), b.size(2)})) {
      Tensor out = empty(self.sizes(), a.scalar_type(), a.device());
      out.copy_(self);
      LibraryCall call(stat, out, a, b);
      call.began_with(self);
      at::cpu::baddbmm_outf(out, a, b, beta, alpha, out);
      if (capturing()) capture_product(Product::baddbmm, out, a, b, beta, alpha);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.size(1) * a.size(2) * b.size(2)))
      return narrow_to(baddbmm(widen(self), widen(a), widen(b), beta, alpha), a.scalar_type());
  }
  return call_library<at::_ops::baddbmm>(self, a, b, beta, alpha);
}

Tensor mv(const Tensor& a, const Tensor& x) {
  if (a.dim() == 2 && x.dim() == 1 && a.size(1) == x.size(0) && readable(a, x)) {
    static OpStat& stat = op_stat<at::_ops::mv>();
    const Tensor row = as_matrix(x, 1, x.size(0), x.size(0), x.stride(0)), columns = transposed(a);
    if (is_few_rows(row, columns)) {
      Tensor out = empty({a.size(0)}, a.scalar_type(), a.device());
      Tensor out_row = as_matrix(out, 1, a.size(0), a.size(0), 1);
      const LibraryCall call(stat, out, a, x);
      multiply(out_row, row, columns);
      count(stat);
      return out;
    }
    if (blas_type(a)) {
      Tensor out = empty({a.size(0)}, a.scalar_type(), a.device());
      const LibraryCall call(stat, out, a, x);
      at::cpu::addmv_outf(out, a, x, /*beta=*/0, /*alpha=*/1, out);
      if (capturing()) capture_product(Product::mv, out, a, x);
      count(stat);
      return out;
    }
    if (runs_in_float(a, a.numel())) return narrow_to(mv(widen(a), widen(x)), a.scalar_type());
  }
  return call_library<at::_ops::addmv>(empty({a.dim() == 2 ? a.size(0) : 0}, a.scalar_type(), a.device()), a, x, 0, 1);
}

Tensor dot(const Tensor& a, const Tensor& b) {
  if (a.dim() == 1 && b.dim() == 1 && a.size(0) == b.size(0) && readable(a, b) && blas_type(a)) {
    static OpStat& stat = op_stat<at::_ops::dot>();
    const HostWork work;
    before_read(a, b);
    const PointersInside inside;   // the result's address
    LoggedCall log(stat.name);
    log.reads(a);
    log.reads(b);
    const Tensor out = at::cpu::dot(a, b);
    log.writes(out);
    if (capturing()) capture_product(Product::dot, out, a, b);
    count(stat);
    return out;
  }
  return call_library<at::_ops::dot>(a, b);
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::linear, &linear>(m);
  register_kernel<at::_ops::linear_backward, &linear_backward>(m);
  register_kernel<at::_ops::mm, &mm>(m);
  register_kernel<at::_ops::addmm, &addmm>(m);
  register_kernel<at::_ops::bmm, &bmm>(m);
  register_kernel<at::_ops::baddbmm, &baddbmm>(m);
  register_kernel<at::_ops::mv, &mv>(m);
  register_kernel<at::_ops::dot, &dot>(m);
}

}  // namespace hologram::aten
