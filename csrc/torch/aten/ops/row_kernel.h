// Row kernels along one dim: everything here is signatures.
//
// A row kernel of hologram_core/optable/rowwise.py that names a structured aten op is all of that op: the build writes
// row_kernel_table.inc from those rows, and RowKernelOp derives the signatures from torch's own structured class. The tensors of the
// op are the row's arguments, in order; its int64_t says along which dim a row lies. rowwise.cpp has the ops whose rows lie over
// several dims, or whose results have shapes of their own.
#pragma once

#include <ATen/TensorUtils.h>
#include <ATen/WrapDimUtils.h>
#include <ATen/core/op_registration/adaption.h>

#include <optional>
#include <type_traits>

#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"
#include "torch/aten/core/structured.h"

namespace hologram::aten {

inline bool has_float_rows(const at::Tensor& t) {
  return is_row_float(t.scalar_type()) && t.dim() <= kMaxRowSpaceRank && t.layout() == at::kStrided;
}

/// What the generated table says about one structured aten op.
template <Op row, class Meta_, class Functional_, class Out_>
struct RowKernelEntry {
  static constexpr Op op = row;
  using Meta = Meta_;
  using Functional = Functional_;
  using Out = Out_;
};

template <class Entry, auto meta = &Entry::Meta::meta>
struct RowKernelOp;

template <class Entry, class Class, class Result, class... Args, Result (Class::*meta)(const at::Tensor&, Args...)>
struct RowKernelOp<Entry, meta> {
  using Meta = typename Entry::Meta;

  static at::Tensor functional(const at::Tensor& first, Args... args) {
    if (!takes(Entry::Functional::name, first, args...)) return call_native<typename Entry::Functional>(first, args...);
    Structured<Meta> result;
    run<typename Entry::Functional>(result, first, args...);
    return result.take();
  }

  static at::Tensor& out(const at::Tensor& first, Args... args, at::Tensor& out) {
    if (!takes(Entry::Out::name, first, args...)) return call_native<typename Entry::Out>(first, args..., out);
    Structured<Meta> result(out);
    run<typename Entry::Out>(result, first, args...);
    return out;
  }

  static void register_in(torch::Library& m) {
    register_kernel<typename Entry::Functional, &functional>(m);
    register_kernel<typename Entry::Out, &out>(m);
  }

 private:
  static bool takes(const char* name, const at::Tensor& first, const Args&... args) {
    bool good = has_float_rows(first);
    std::optional<c10::Device> device = first.device();
    [[maybe_unused]] const auto look = [&](const auto& arg) {
      using T = std::decay_t<decltype(arg)>;
      if constexpr (std::is_same_v<T, at::Tensor>) {
        c10::impl::check_and_update_common_device(device, arg, name, "input");
        TORCH_CHECK(arg.numel() == first.numel(), name, ": Expected tensors of one size, got ", first.sizes(), " and ", arg.sizes());
        good &= has_float_rows(arg) && arg.sizes() == first.sizes();
      } else if constexpr (std::is_same_v<T, at::ScalarType>) {
        good &= arg == first.scalar_type();   // of the op whose gradient this is
      } else if constexpr (std::is_same_v<T, bool>) {
        good &= !arg;   // half_to_float, an affair of CUDA's: torch's CPU kernel says so
      }
    };
    (look(args), ...);
    return good;
  }

  template <class AtenOp>
  static void run(Structured<Meta>& result, const at::Tensor& first, const Args&... args) {
    (result.*meta)(first, args...);
    if (first.numel() != 0) submit_row(result[0], first, args...);
    count_compiled<AtenOp>();
  }

  static void submit_row(const at::Tensor& out, const at::Tensor& first, const Args&... args) {
    int64_t dim = 0;
    const auto look_for_dim = [&](const auto& arg) {
      if constexpr (std::is_same_v<std::decay_t<decltype(arg)>, int64_t>) dim = arg;
    };
    (look_for_dim(args), ...);
    RowSpace space(first.sizes(), DimMask(1ull << at::maybe_wrap_dim(dim, first.dim())));
    Ref refs[kMaxArgs] = {space.input(first)};
    size_t count = 1;
    const auto add = [&](const auto& arg) {
      if constexpr (std::is_same_v<std::decay_t<decltype(arg)>, at::Tensor>) refs[count++] = space.input(arg);
    };
    (add(args), ...);
    space.output(out, space.circuit().add_node(Entry::op, compute_type(dtype_of(first)), dtype_of(out), refs, count));
    space.submit(first);
  }
};

}  // namespace hologram::aten
