// Products with few columns: a @ w.t() where `w` has two to four rows. Heads of policies, states of differential equations.
//
// BLAS spends most of such a call on getting ready: 256 x 32 by 32 x 4 takes it 4.7 us, and this 1.6. Each element is summed from the first
// to the last product with one rounding each (fused), and then added to what was there: a function of the row alone, whatever the
// number of rows and threads. Ops and graphs both ask is_narrow_product, so they give the same bits; MKL sums in this order, too.
#pragma once

#include <ATen/core/Tensor.h>

namespace hologram::aten {

/// Matrices: does NarrowProduct serve out <- a @ b (+ out)? Of float32, with 16 rows or more, on processors with AVX-512.
bool is_narrow_product(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b);

/// out[m, n] <- a[m, k] @ b[k, n], in addition to what is in `out` where it `adds`. `b` lies as [n, k]. Lengths of rows in elements.
struct NarrowProduct {
  int64_t m, row_a, row_b, row_out;
  int n, k;
  bool adds;

  NarrowProduct(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool adds);
  void run(float* out, const float* a, const float* b) const;
};

}  // namespace hologram::aten
