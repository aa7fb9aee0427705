// The iteration space of a reduction or row kernel: kept dimensions first, then the dimensions that form the row.
//
// Strides carry the permutation, so no tensor is viewed or copied. A size-1 row dimension is appended when nothing is
// folded (0-dim tensors, empty dim lists), so that a circuit with reduce nodes always has a row.
#pragma once

#include <ATen/core/Tensor.h>

#include <bitset>

#include "runtime/ir/circuit.h"
#include "torch/aten/core/common.h"

namespace hologram::aten {

using DimMask = std::bitset<64>;

/// One dimension of the space stays free for the appended row dimension.
constexpr int64_t kMaxRowSpaceRank = kMaxRank - 1;

class RowSpace {
 public:
  /// `row`: which dims of `sizes` (at most kMaxRowSpaceRank) form the row. Bits beyond the rank are ignored.
  RowSpace(c10::IntArrayRef sizes, DimMask row);

  Circuit& circuit() { return circuit_; }

  /// An operand of the sizes of the space. Size-1 dims broadcast, so statistics kept with keepdim go in here too.
  Ref input(const at::Tensor& t) { return add(t, full_, false, kNoRef); }
  /// An operand constant along the row; `t` has the kept sizes, with or without size-1 dims in place of the row's.
  Ref kept_input(const at::Tensor& t) { return add(t, kept_part(t), false, kNoRef); }
  /// A 0-dim operand: one number for the whole space.
  Ref scalar_input(const at::Tensor& t) { return add(t, nowhere(), false, kNoRef); }
  /// An operand that varies along the row only; `t` has the sizes of the row dims.
  Ref row_input(const at::Tensor& t) { return add(t, row_, false, kNoRef); }
  /// What a call may leave out: where it does, the number that stands for it.
  Ref row_input(const at::Tensor& t, double otherwise) { return t.defined() ? row_input(t) : circuit_.add_scalar(otherwise); }
  Ref kept_input(const at::Tensor& t, double otherwise) { return t.defined() ? kept_input(t) : circuit_.add_scalar(otherwise); }
  void output(const at::Tensor& t, Ref source) { add(t, full_, true, source); }
  void kept_output(const at::Tensor& t, Ref source) { add(t, kept_part(t), true, source); }

  /// `value` of type `from` as a value of type `to`: an output stores values of its own type only.
  Ref converted(Ref value, DType from, DType to) {
    return aten::convert(circuit_, value, from, to);
  }

  void submit(const at::Tensor& any) { aten::submit(circuit_, any); }

 private:
  /// Per dimension of the space: the dim of the tensor that runs along it, or -1.
  struct Dims { int8_t of[kMaxRank]; };
  static const Dims& nowhere();
  const Dims& kept_part(const at::Tensor& t) const { return t.dim() == tensor_rank_ ? full_ : kept_; }
  Ref add(const at::Tensor& t, const Dims& dims, bool output, Ref source);

  Circuit circuit_;
  int64_t tensor_rank_;
  Dims full_, kept_, row_;
};

inline DType dtype_of(const at::Tensor& t) { return to_dtype(t.scalar_type()); }

/// The dtypes that reductions, scans and row kernels are compiled for. torch's CPU device refuses most of them for
/// uint16, uint32 and uint64, with messages of its own.
inline bool is_row_type(c10::ScalarType t) { return is_compiled_type(t) && !c10::isBarebonesUnsignedType(t); }

/// The dtypes of row kernels.
inline bool is_row_float(c10::ScalarType t) { return is_compiled_type(t) && c10::isFloatingType(t); }

}  // namespace hologram::aten
