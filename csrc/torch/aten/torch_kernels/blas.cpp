#include "torch/aten/torch_kernels/blas.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm_cpu_dispatch.h>

#include <algorithm>

namespace hologram::aten {
namespace {

/// BLAS counts columns first: what lies in rows is the transposed product, of the matrices in the other order.
template <class T>
bool by_blas(const RowProduct& p, int m, char* out, const char* a, const char* b, const char* name) {
  static const auto gemm = blas<Gemm<T>>(name);
  if (!gemm) return false;
  const char op_a = 'n', op_b = p.turned ? 't' : 'n';
  const T one = 1, beta = static_cast<T>(p.beta);
  gemm(&op_b, &op_a, &p.n, &m, &p.k, &one, reinterpret_cast<const T*>(b), &p.row_b, reinterpret_cast<const T*>(a), &p.row_a, &beta,
       reinterpret_cast<T*>(out), &p.row_out);
  return true;
}

/// Where torch's library keeps its BLAS to itself.
void by_torch(const RowProduct& p, int m, char* out, const char* a, const char* b) {
  const auto options = at::TensorOptions(at::kCPU).dtype(p.is_double ? at::kDouble : at::kFloat);
  const auto matrix = [&](const char* data, int rows, int columns, int row) {
    return at::from_blob(const_cast<char*>(data), {rows, columns}, {row, 1}, options);
  };
  const at::AutoDispatchBelowADInplaceOrView below;
  at::Tensor result = matrix(out, m, p.n, p.row_out);
  const at::Tensor left = matrix(a, m, p.k, p.row_a);
  const at::Tensor right = p.turned ? matrix(b, p.n, p.k, p.row_b).t() : matrix(b, p.k, p.n, p.row_b);
  if (p.beta == 0) at::cpu::mm_outf(left, right, result);
  else at::cpu::addmm_outf(result, left, right, p.beta, 1, result);
}

}  // namespace

void RowProduct::run(int m, char* out, const char* a, const char* b) const {
  if (is_double ? by_blas<double>(*this, m, out, a, b, "dgemm_") : by_blas<float>(*this, m, out, a, b, "sgemm_")) return;
  by_torch(*this, m, out, a, b);
}

}  // namespace hologram::aten
