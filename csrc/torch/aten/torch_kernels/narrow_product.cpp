#include "torch/aten/torch_kernels/narrow_product.h"

#include <ATen/Context.h>

#include <algorithm>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HOLOGRAM_AVX512 __attribute__((target("avx512f,avx512dq")))
#endif

namespace hologram::aten {
namespace {

constexpr int kColumns = 4, kRows = 4;     // of the part of `out` that lies in one register
constexpr int kBlock = 16;  // rows that are computed together: four registers of sums hide how long an addition takes
constexpr int kFewestTerms = 2, kMostTerms = 128;
constexpr int64_t kMostWork = 1 << 20;  // above, BLAS shares the rows out over threads

#ifdef HOLOGRAM_AVX512

/// `w`: per term, the four columns' factors, four times.
HOLOGRAM_AVX512 void sums(int k, const float* a, int64_t row_a, const float* w, __m512* sum) {
  for (int g = 0; g < kBlock / kRows; ++g) sum[g] = _mm512_setzero_ps();
  int t = 0;
  for (; t + 4 <= k; t += 4, w += 64)
    for (int g = 0; g < kBlock / kRows; ++g) {
      const float* row = a + g * kRows * row_a + t;
      __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(row));
      x = _mm512_insertf32x4(x, _mm_loadu_ps(row + row_a), 1);
      x = _mm512_insertf32x4(x, _mm_loadu_ps(row + 2 * row_a), 2);
      x = _mm512_insertf32x4(x, _mm_loadu_ps(row + 3 * row_a), 3);
      sum[g] = _mm512_fmadd_ps(_mm512_permute_ps(x, 0x00), _mm512_load_ps(w), sum[g]);
      sum[g] = _mm512_fmadd_ps(_mm512_permute_ps(x, 0x55), _mm512_load_ps(w + 16), sum[g]);
      sum[g] = _mm512_fmadd_ps(_mm512_permute_ps(x, 0xAA), _mm512_load_ps(w + 32), sum[g]);
      sum[g] = _mm512_fmadd_ps(_mm512_permute_ps(x, 0xFF), _mm512_load_ps(w + 48), sum[g]);
    }
  for (; t < k; ++t, w += 16)
    for (int g = 0; g < kBlock / kRows; ++g) {
      const float* row = a + g * kRows * row_a + t;
      alignas(64) float x[16];
      for (int i = 0; i < kRows; ++i) std::fill_n(x + i * kColumns, kColumns, row[i * row_a]);
      sum[g] = _mm512_fmadd_ps(_mm512_load_ps(x), _mm512_load_ps(w), sum[g]);
    }
}

HOLOGRAM_AVX512 void multiply(const NarrowProduct& p, float* out, const float* a, const float* b) {
  alignas(64) float w[kMostTerms * 16];
  for (int t = 0; t < p.k; ++t)
    for (int i = 0; i < 16; ++i) {
      const int column = i % kColumns;
      w[t * 16 + i] = column < p.n ? b[column * p.row_b + t] : 0;
    }
  __m512 sum[kBlock / kRows];
  const bool dense = p.n == kColumns && p.row_out == kColumns;
  for (int64_t from = 0; from < p.m; from += kBlock) {
    const int rows = static_cast<int>(std::min<int64_t>(kBlock, p.m - from));
    float last[kBlock * kMostTerms];  // the rows that are left, and rows of anything
    const float* block = a + from * p.row_a;
    int64_t row_a = p.row_a;
    if (rows < kBlock) {
      for (int i = 0; i < kBlock; ++i)
        std::memcpy(last + i * p.k, block + std::min(i, rows - 1) * p.row_a, sizeof(float) * static_cast<size_t>(p.k));
      block = last;
      row_a = p.k;
    }
    sums(p.k, block, row_a, w, sum);
    float* to = out + from * p.row_out;
    if (rows == kBlock && dense) {
      for (int g = 0; g < kBlock / kRows; ++g, to += 16)
        _mm512_storeu_ps(to, p.adds ? _mm512_add_ps(sum[g], _mm512_loadu_ps(to)) : sum[g]);
      continue;
    }
    alignas(64) float values[kBlock * kColumns];
    for (int g = 0; g < kBlock / kRows; ++g) _mm512_store_ps(values + g * 16, sum[g]);
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < p.n; ++j) {
        float& at = to[i * p.row_out + j];
        at = p.adds ? values[i * kColumns + j] + at : values[i * kColumns + j];
      }
  }
}

bool has_instructions() {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
  return has;
}

#else

void multiply(const NarrowProduct&, float*, const float*, const float*) {}
bool has_instructions() { return false; }

#endif

}  // namespace

bool is_narrow_product(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  return n >= 2 && n <= kColumns && k >= kFewestTerms && k <= kMostTerms && m >= kBlock && m * n * k <= kMostWork &&
         a.scalar_type() == at::kFloat && out.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat && a.stride(1) == 1 &&
         a.stride(0) >= k && b.stride(0) == 1 && b.stride(1) >= k && out.stride(1) == 1 && out.stride(0) >= n &&
         has_instructions() && at::globalContext().float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST;
}

NarrowProduct::NarrowProduct(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool adds_to_out)
    : m(a.size(0)),
      row_a(a.stride(0)),
      row_b(b.stride(1)),
      row_out(out.stride(0)),
      n(static_cast<int>(b.size(1))),
      k(static_cast<int>(a.size(1))),
      adds(adds_to_out) {}

void NarrowProduct::run(float* out, const float* a, const float* b) const { multiply(*this, out, a, b); }

}  // namespace hologram::aten
