// BLAS without a tensor around it: for products that are made again and again, of the same shapes at other addresses.
#pragma once

#include <dlfcn.h>

#include <cstdint>

namespace hologram::aten {

template <class T>
using Gemm = void (*)(const char* op_a, const char* op_b, const int* m, const int* n, const int* k, const T* alpha, const T* a,
                      const int* lda, const T* b, const int* ldb, const T* beta, T* c, const int* ldc);

/// torch's own BLAS, where its library exports it.
template <class F>
F blas(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
}

/// out[m, n] <- a[m, k] @ b[k, n] + beta * out, all in rows; the lengths of rows in memory are counted in elements. `turned`: b lies
/// as [n, k].
struct RowProduct {
  int n = 0, k = 0;
  int row_out = 0, row_a = 0, row_b = 0;
  bool turned = false, is_double = false;
  double beta = 0;

  void run(int m, char* out, const char* a, const char* b) const;
};

}  // namespace hologram::aten
