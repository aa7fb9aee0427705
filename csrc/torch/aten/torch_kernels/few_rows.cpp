#include "torch/aten/torch_kernels/few_rows.h"

#include <ATen/Context.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "runtime/base/threads.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HOLOGRAM_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define HOLOGRAM_INLINE HOLOGRAM_AVX512 __attribute__((always_inline)) inline
#endif

namespace hologram::aten {
namespace {

constexpr int kMostRows = 8;
constexpr int kMostHalfRows = 4;            // above, the products of bfloat16 that the processor has instructions for are faster
constexpr int64_t kLargeInCache = 1 << 20;  // weights: below, BLAS is faster where `b` lies by rows and is of float32
constexpr int64_t kWorkPerThread = 1 << 17;

#ifdef HOLOGRAM_AVX512

constexpr int64_t kLanes = 16;

HOLOGRAM_INLINE __mmask16 first_lanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }

HOLOGRAM_INLINE __m512 load(const float* p) { return _mm512_loadu_ps(p); }
HOLOGRAM_INLINE __m512 load(const float* p, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, p); }

HOLOGRAM_INLINE __m512 widen(const c10::BFloat16*, __m256i x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}
HOLOGRAM_INLINE __m512 widen(const c10::Half*, __m256i x) { return _mm512_cvtph_ps(x); }
template <class W>
HOLOGRAM_INLINE __m512 load(const W* p) {
  return widen(p, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
template <class W>
HOLOGRAM_INLINE __m512 load(const W* p, __mmask16 lanes) {
  return widen(p, _mm256_maskz_loadu_epi16(lanes, p));
}

HOLOGRAM_INLINE float total(__m512 x) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_maskz_extractf32x8_ps(0xFF, x, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// out[M, R] (+)= a[M, k] . w[R, k]
template <int M, int R, class W>
HOLOGRAM_AVX512 void dots(const FewRows& p, W* out, const float* a, int64_t row_a, const W* w) {
  __m512 sum[M][R];
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < R; ++j) sum[i][j] = _mm512_setzero_ps();
  int64_t t = 0;
  for (; t + kLanes <= p.k; t += kLanes) {
    __m512 x[M];
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) x[i] = _mm512_loadu_ps(a + i * row_a + t);
#pragma GCC unroll 8
    for (int j = 0; j < R; ++j) {
      const W* const at = w + j * p.row_b + t;
      const __m512 y = load(at);
      _mm_prefetch(at + R * p.row_b, _MM_HINT_T0);   // the next columns: rows of 768 elements end before the processor foresees them
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) sum[i][j] = _mm512_fmadd_ps(x[i], y, sum[i][j]);
    }
  }
  if (t < p.k) {
    const __mmask16 lanes = first_lanes(p.k - t);
#pragma GCC unroll 8
    for (int j = 0; j < R; ++j) {
      const __m512 y = load(w + j * p.row_b + t, lanes);
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) sum[i][j] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(lanes, a + i * row_a + t), y, sum[i][j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < R; ++j) {
      W& at = out[i * p.row_out + j];
      const float value = total(sum[i][j]);
      at = static_cast<W>(p.adds ? value + static_cast<float>(at) : value);
    }
}

/// R columns of `out`, all rows. Eight chains of sums or more hide how long an addition takes.
template <int R, class W>
void columns(const FewRows& p, W* out, const float* a, int64_t row_a, const W* w) {
  constexpr int kRows = R == 8 ? 2 : 4;
  int i = 0;
  for (; i + kRows <= p.m; i += kRows) dots<kRows, R>(p, out + i * p.row_out, a + i * row_a, row_a, w);
  out += i * p.row_out, a += i * row_a;
  switch (p.m - i) {
    case 3: return dots<3, R>(p, out, a, row_a, w);
    case 2: return dots<2, R>(p, out, a, row_a, w);
    case 1: return dots<1, R>(p, out, a, row_a, w);
    default: return;
  }
}

/// The columns from `begin` to `end` of `out`, where `b` lies as [n, k].
template <class W>
void multiply_by_columns(const FewRows& p, W* out, const float* a, int64_t row_a, const W* b, int64_t begin, int64_t end) {
  int64_t j = begin;
  if (p.m <= 2)
    for (; j + 8 <= end; j += 8) columns<8>(p, out + j, a, row_a, b + j * p.row_b);
  for (; j + 4 <= end; j += 4) columns<4>(p, out + j, a, row_a, b + j * p.row_b);
  for (; j < end; ++j) columns<1>(p, out + j, a, row_a, b + j * p.row_b);
}

/// sum[M, n] += a[M, T] . w[T, n]: the T products are added up first, so that errors grow with k / T.
template <int M, int T, class W>
HOLOGRAM_AVX512 void add_rows(float* sum, int64_t row_sum, const float* a, int64_t row_a, const W* w, int64_t row_w, int64_t n) {
  for (int64_t c = 0; c < n; c += kLanes) {
    const bool whole = c + kLanes <= n;
    const __mmask16 lanes = whole ? static_cast<__mmask16>(0xFFFF) : first_lanes(n - c);
    __m512 part[M];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      const __m512 y = whole ? load(w + t * row_w + c) : load(w + t * row_w + c, lanes);
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) {
        const __m512 x = _mm512_set1_ps(a[i * row_a + t]);
        part[i] = t ? _mm512_fmadd_ps(x, y, part[i]) : _mm512_mul_ps(x, y);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) {
      float* to = sum + i * row_sum + c;
      _mm512_mask_storeu_ps(to, lanes, _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, to), part[i]));
    }
  }
}

template <int M, class W>
void sum_rows(const FewRows& p, float* sum, const float* a, int64_t row_a, const W* b, int64_t n) {
  constexpr int kTerms = 8;
  int64_t t = 0;
  for (; t + kTerms <= p.k; t += kTerms) add_rows<M, kTerms>(sum, n, a + t, row_a, b + t * p.row_b, p.row_b, n);
  for (; t < p.k; ++t) add_rows<M, 1>(sum, n, a + t, row_a, b + t * p.row_b, p.row_b, n);
}

std::vector<float>& sums_of_this_thread() {
  static thread_local std::vector<float> memory;
  return memory;
}

/// The columns from `begin` to `end` of `out`, where `b` lies as [k, n].
template <class W>
void multiply_by_rows(const FewRows& p, W* out, const float* a, int64_t row_a, const W* b, int64_t begin, int64_t end) {
  const int64_t n = end - begin;
  std::vector<float>& memory = sums_of_this_thread();
  memory.assign(static_cast<size_t>(p.m * n), 0);
  float* const sum = memory.data();
  b += begin, out += begin;
  int i = 0;
  for (; i + 4 <= p.m; i += 4) sum_rows<4>(p, sum + i * n, a + i * row_a, row_a, b, n);
  switch (p.m - i) {
    case 3: sum_rows<3>(p, sum + i * n, a + i * row_a, row_a, b, n); break;
    case 2: sum_rows<2>(p, sum + i * n, a + i * row_a, row_a, b, n); break;
    case 1: sum_rows<1>(p, sum + i * n, a + i * row_a, row_a, b, n); break;
    default: break;
  }
  for (i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      W& at = out[i * p.row_out + j];
      at = static_cast<W>(p.adds ? sum[i * n + j] + static_cast<float>(at) : sum[i * n + j]);
    }
}

template <class W>
struct Shared {
  const FewRows& p;
  W* out;
  const float* a;
  int64_t row_a;
  const W* b;
  int64_t columns_per_task;

  static void share(void* context, int task) {
    const Shared& s = *static_cast<Shared*>(context);
    const int64_t begin = task * s.columns_per_task, end = std::min(begin + s.columns_per_task, s.p.n);
    if (begin >= end) return;
    if (s.p.by_columns) multiply_by_columns(s.p, s.out, s.a, s.row_a, s.b, begin, end);
    else multiply_by_rows(s.p, s.out, s.a, s.row_a, s.b, begin, end);
  }
};

const float* widened(const float* a, const FewRows& p, int64_t& row_a) {
  row_a = p.row_a;
  return a;
}

/// The few rows as float32, in memory of this thread that stays until its next product.
template <class W>
const float* widened(const W* a, const FewRows& p, int64_t& row_a) {
  static thread_local std::vector<float> memory;
  memory.resize(static_cast<size_t>(p.m * p.k));
  for (int i = 0; i < p.m; ++i)
    for (int64_t t = 0; t < p.k; ++t) memory[static_cast<size_t>(i * p.k + t)] = static_cast<float>(a[i * p.row_a + t]);
  row_a = p.k;
  return memory.data();
}

template <class W>
void multiply(const FewRows& p, void* out, const void* a, const void* b) {
  const int64_t shares = std::min<int64_t>(max_threads(), p.n * p.k * p.m / kWorkPerThread);
  const int tasks = static_cast<int>(std::max<int64_t>(1, shares));
  constexpr int64_t kTogether = 16;   // columns: the same that one thread would compute together, and no line of `out` is shared
  const int64_t each = (p.n + tasks - 1) / tasks;
  Shared<W> work{p, static_cast<W*>(out), nullptr, 0, static_cast<const W*>(b), (each + kTogether - 1) / kTogether * kTogether};
  work.a = widened(static_cast<const W*>(a), p, work.row_a);
  if (tasks == 1) Shared<W>::share(&work, 0);
  else parallel_run(tasks, &Shared<W>::share, &work);
}

bool has_instructions() {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return has;
}

#else

template <class W>
void multiply(const FewRows&, void*, const void*, const void*) {}
bool has_instructions() { return false; }

#endif

}  // namespace

bool is_few_rows(const at::Tensor& a, const at::Tensor& b) {
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  const at::ScalarType type = a.scalar_type();
  const bool is_float = type == at::kFloat;
  if (m < 1 || k < 1 || n < 1 || m > kMostRows || b.scalar_type() != type || a.stride(1) != 1) return false;
  if (!is_float && type != at::kHalf && (type != at::kBFloat16 || m > kMostHalfRows)) return false;
  const bool by_columns = b.stride(0) == 1 && b.stride(1) >= k, by_rows = b.stride(1) == 1 && b.stride(0) >= n;
  if (!by_columns) {
    if (!by_rows || m > kMostHalfRows) return false;
    if (is_float && (m == 1 || n * k < kLargeInCache)) return false;
  }
  return has_instructions() &&
         (!is_float || at::globalContext().float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST);
}

FewRows::FewRows(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool adds_to_out)
    : type(a.scalar_type()),
      adds(adds_to_out),
      by_columns(b.stride(0) == 1 && b.stride(1) >= a.size(1)),
      m(static_cast<int>(a.size(0))),
      n(b.size(1)),
      k(a.size(1)),
      row_a(a.stride(0)),
      row_b(by_columns ? b.stride(1) : b.stride(0)),
      row_out(out.stride(0)) {}

void FewRows::run(void* out, const void* a, const void* b) const {
  if (type == at::kFloat) multiply<float>(*this, out, a, b);
  else if (type == at::kBFloat16) multiply<c10::BFloat16>(*this, out, a, b);
  else multiply<c10::Half>(*this, out, a, b);
}

}  // namespace hologram::aten
