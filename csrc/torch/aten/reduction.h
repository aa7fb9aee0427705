// Reductions: one non-template function builds the circuit; everything above it is signatures.
//
// A reduction that folds dims and nothing else is a row of hologram_core/ops/reduction.py that names its aten op: the
// build writes reduction_table.inc from those rows, and ReductionKernel derives the signatures from torch's own
// structured class. reduction.cpp has the reductions with arguments of their own (norms, variances, ...).
#pragma once

#include <ATen/WrapDimUtils.h>
#include <ATen/native/ReduceOpsUtils.h>

#include <initializer_list>
#include <optional>
#include <tuple>
#include <type_traits>

#include "torch/aten/boxed.h"
#include "torch/aten/row_space.h"
#include "torch/aten/structured.h"

namespace hologram::aten {

/// What a row accumulates in.
enum class Accumulate : uint8_t {
  Result,   // the result's dtype: sum, mean, prod
  Input,    // the input's dtype: amax, max with indices
  Number,   // like Input, but torch refuses bool: argmax
  Bool,     // truth values: any, all
};

/// Folds the dims of `self` in `mask` with the row `op` into `outs` (kept sizes, with or without size-1 dims). `extra` are
/// the row's further arguments. Everything must have been checked.
void reduce(Op op, Accumulate rule, const at::Tensor& self, DimMask mask, std::initializer_list<const at::Tensor*> outs,
            std::initializer_list<double> extra = {});

/// Can `reduce` compute it? If not, torch's own kernel computes or says what is wrong.
bool reducible(Accumulate rule, const at::Tensor& self, std::optional<c10::ScalarType> result);

// ---- dims as torch's schemas spell them ----

inline DimMask mask_of(const at::Tensor& self, at::OptionalIntArrayRef dims) {
  return at::native::make_dim_mask(dims, self.dim());
}
inline DimMask mask_of(const at::Tensor& self, c10::IntArrayRef dims) {
  return at::native::make_dim_mask(dims, self.dim());
}
inline DimMask mask_of(const at::Tensor& self, int64_t dim) {
  return DimMask(1ull << at::maybe_wrap_dim(dim, self.dim()));
}
inline DimMask mask_of(const at::Tensor& self, std::optional<int64_t> dim) {
  return dim ? mask_of(self, *dim) : DimMask().flip();
}

// ---- signatures ----

/// What the generated table says about one structured aten op.
struct ReductionEntry {
  Op op;
  Accumulate rule;
  bool keeps_empty_dims;            // dim=() folds nothing (any.dims, all.dims); elsewhere it folds everything
  Overload functional, out;
  const char *functional_report, *out_report;
};

/// `meta` gives the arguments: self, then dims, keepdim and dtype as far as the op has them.
template <const ReductionEntry& entry, class Meta, auto meta = &Meta::meta>
struct ReductionKernel;

template <const ReductionEntry& entry, class Meta, class Result, class... Args,
          Result (Meta::*meta)(const at::Tensor&, Args...)>
struct ReductionKernel<entry, Meta, meta> {
  static constexpr bool kPair = op_results(entry.op) == 2;
  using Functional = std::conditional_t<kPair, std::tuple<at::Tensor, at::Tensor>, at::Tensor>;

  static Functional functional(const at::Tensor& self, Args... args) {
    static OpStat& stat = op_stat(entry.functional_report);
    if (!reducible(entry.rule, self, requested(args...))) {
      if constexpr (kPair) return delegate_pair(entry.functional, self, args...);
      else return delegate_tensor(entry.functional, self, args...);
    }
    Structured<Meta> results;
    run(stat, results, self, args...);
    if constexpr (kPair) return {results.take(0), results.take(1)};
    else return results.take();
  }

  static at::Tensor& out(const at::Tensor& self, Args... args, at::Tensor& out) {
    static OpStat& stat = op_stat(entry.out_report);
    if (!reducible(entry.rule, self, out.scalar_type())) {
      delegate_call(entry.out, self, args..., out);
      return out;
    }
    Structured<Meta> results(out);
    run(stat, results, self, args...);
    return out;
  }

  static std::tuple<at::Tensor&, at::Tensor&> out_pair(const at::Tensor& self, Args... args, at::Tensor& out0, at::Tensor& out1) {
    static OpStat& stat = op_stat(entry.out_report);
    if (!reducible(entry.rule, self, out0.scalar_type())) {
      delegate_call(entry.out, self, args..., out0, out1);
      return std::tuple<at::Tensor&, at::Tensor&>(out0, out1);
    }
    Structured<Meta> results(out0, out1);
    run(stat, results, self, args...);
    return std::tuple<at::Tensor&, at::Tensor&>(out0, out1);
  }

 private:
  template <class... Rest>
  static std::optional<c10::ScalarType> requested(const Rest&... rest) {
    std::optional<c10::ScalarType> found;
    [[maybe_unused]] auto look = [&](const auto& arg) {
      if constexpr (std::is_same_v<std::decay_t<decltype(arg)>, std::optional<c10::ScalarType>>) found = arg;
    };
    (look(rest), ...);
    return found;
  }

  static DimMask mask(const at::Tensor& self) { return DimMask().flip(); }
  template <class Dim, class... Rest>
  static DimMask mask(const at::Tensor& self, const Dim& dim, const Rest&...) {
    if constexpr (std::is_same_v<Dim, at::OptionalIntArrayRef>)
      if (entry.keeps_empty_dims && dim && dim->empty()) return {};
    return mask_of(self, dim);
  }

  static void run(OpStat& stat, Structured<Meta>& results, const at::Tensor& self, const Args&... args) {
    (results.*meta)(self, args...);
    results.check_overlap(self);
    if constexpr (kPair) reduce(entry.op, entry.rule, self, mask(self, args...), {&results[0], &results[1]});
    else reduce(entry.op, entry.rule, self, mask(self, args...), {&results[0]});
    stat.compiled.fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace hologram::aten
