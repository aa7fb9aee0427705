// Reductions: one non-template function builds the circuit; everything above it is signatures.
//
// A reduction that folds dims and nothing else is a row of hologram_core/optable/reduction.py that names its aten op: the
// build writes reduction_table.inc from those rows, and ReductionKernel derives the signatures from torch's own
// structured class. reduction.cpp has the reductions with arguments of their own (norms, variances, ...).
#pragma once

#include <ATen/native/ReduceOpsUtils.h>
#include <ATen/WrapDimUtils.h>

#include <initializer_list>
#include <optional>
#include <tuple>
#include <type_traits>

#include "torch/aten/core/row_space.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/structured.h"

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
/// The same for complex numbers, which are pairs of real ones: what adds up folds each half alone. Where that means to read every
/// other number of dense memory, torch's vectorized kernel is faster (three times, at 30,000 elements and one thread).
bool reducible_pairs(Op op, const at::Tensor& self, DimMask mask, std::optional<c10::ScalarType> result);

/// A new result of a reduction that has no structured class, and the out= tensor of such a one.
inline at::Tensor make_result(const at::Tensor& self, DimMask mask, bool keepdim, c10::ScalarType dtype) {
  return empty(at::native::shape_from_dim_mask(self, mask, keepdim), dtype, self.device());
}
inline void resize_result(const at::Tensor& out, const at::Tensor& self, DimMask mask, bool keepdim) {
  at::native::resize_output(out, at::native::shape_from_dim_mask(self, mask, keepdim));
}

// ---- dims as torch's schemas spell them ----

inline DimMask all_dims() { return DimMask().flip(); }
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
  return dim ? mask_of(self, *dim) : all_dims();
}

// ---- signatures ----

/// What the generated table says about one structured aten op. `keeps_empty_dims`: dim=() folds nothing (any.dims,
/// all.dims); elsewhere it folds everything.
template <Op row, Accumulate rule_, bool keeps_empty_dims_, class Meta_, class Functional_, class Out_>
struct ReductionEntry {
  static constexpr Op op = row;
  static constexpr Accumulate rule = rule_;
  static constexpr bool keeps_empty_dims = keeps_empty_dims_;
  using Meta = Meta_;
  using Functional = Functional_;
  using Out = Out_;
};

/// `Meta::meta` gives the arguments: self, then dims, keepdim and dtype as far as the op has them.
template <class Entry, auto meta = &Entry::Meta::meta>
struct ReductionKernel;

template <class Entry, class Class, class Result, class... Args, Result (Class::*meta)(const at::Tensor&, Args...)>
struct ReductionKernel<Entry, meta> {
  using Meta = typename Entry::Meta;
  static constexpr bool kPair = op_results(Entry::op) == 2;
  using Returned = std::conditional_t<kPair, std::tuple<at::Tensor, at::Tensor>, at::Tensor>;

  static Returned functional(const at::Tensor& self, Args... args) {
    if (!reducible(Entry::rule, self, requested(args...)) && !reducible_pairs(Entry::op, self, mask(self, args...), requested(args...)))
      return call_native<typename Entry::Functional>(self, args...);
    Structured<Meta> results;
    run<typename Entry::Functional>(results, self, args...);
    if constexpr (kPair) return {results.take(0), results.take(1)};
    else return results.take();
  }

  static at::Tensor& out(const at::Tensor& self, Args... args, at::Tensor& out) {
    if ((!reducible(Entry::rule, self, out.scalar_type()) || (Entry::op == Op::mean && !is_row_float(out.scalar_type()))) &&
        !reducible_pairs(Entry::op, self, mask(self, args...), out.scalar_type()))
      return call_native<typename Entry::Out>(self, args..., out);
    Structured<Meta> results(out);
    run<typename Entry::Out>(results, self, args...);
    return out;
  }

  static std::tuple<at::Tensor&, at::Tensor&> out_pair(const at::Tensor& self, Args... args, at::Tensor& out0, at::Tensor& out1) {
    if (!reducible(Entry::rule, self, out0.scalar_type()))
      return call_native<typename Entry::Out>(self, args..., out0, out1);
    Structured<Meta> results(out0, out1);
    run<typename Entry::Out>(results, self, args...);
    return std::tuple<at::Tensor&, at::Tensor&>(out0, out1);
  }

  static void register_in(torch::Library& m) {
    register_kernel<typename Entry::Functional, &functional>(m);
    if constexpr (kPair) register_kernel<typename Entry::Out, &out_pair>(m);
    else register_kernel<typename Entry::Out, &out>(m);
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

  static DimMask mask(const at::Tensor& self) { return all_dims(); }
  template <class Dim, class... Rest>
  static DimMask mask(const at::Tensor& self, const Dim& dim, const Rest&...) {
    if constexpr (Entry::keeps_empty_dims)
      if (dim && dim->empty()) return {};
    return mask_of(self, dim);
  }

  template <class AtenOp>
  static void run(Structured<Meta>& results, const at::Tensor& self, const Args&... args) {
    (results.*meta)(self, args...);
    if constexpr (kPair) results.check_overlap(self);    // torch leaves the other reductions unchecked
    if constexpr (kPair) reduce(Entry::op, Entry::rule, self, mask(self, args...), {&results[0], &results[1]});
    else reduce(Entry::op, Entry::rule, self, mask(self, args...), {&results[0]});
    count_compiled<AtenOp>();
  }
};

}  // namespace hologram::aten
