// Products with few rows: a[m, k] @ b[k, n] with m up to eight. A layer of a model that generates one token after the other, a policy
// that is asked for one action. Such a product reads each weight once, so it can be no faster than the memory, and no slower is what
// counts: weights of half types widen in registers, and several of their rows are read at a time.
//
// Each element is summed in float32 in an order that depends on k and on how `b` lies alone: neither on the other rows nor on the
// threads. It is rounded once. Ops and graphs both ask is_few_rows, so they give the same bits.
#pragma once

#include <ATen/core/Tensor.h>

namespace hologram::aten {

/// Matrices: does FewRows serve a @ b into contiguous rows? Of float32, bfloat16 or float16, on processors with AVX-512, where that is
/// faster than BLAS.
bool is_few_rows(const at::Tensor& a, const at::Tensor& b);

/// out[m, n] <- a[m, k] @ b[k, n], in addition to what is in `out` where it `adds`. Lengths of rows in elements.
struct FewRows {
  at::ScalarType type;
  bool adds, by_columns;   // `b` lies as [n, k], as the weight of a layer does
  int m;
  int64_t n, k, row_a, row_b, row_out;

  FewRows(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool adds);
  void run(void* out, const void* a, const void* b) const;
};

}  // namespace hologram::aten
