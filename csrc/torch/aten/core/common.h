// What every aten kernel of the hologram device shares: types, tensors as operands of circuits.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <optional>

#include "runtime/ir/circuit.h"
#include "runtime/kernels/kernel.h"
#include "torch/aten/core/op_stat.h"
#include "torch/aten/core/tensor_memory.h"

namespace hologram::aten {

constexpr c10::DeviceType kDevice = c10::DeviceType::PrivateUse1;

/// An argument that a call may leave out, as torch passes it.
using MaybeTensor = std::optional<at::Tensor>;
inline const at::Tensor& tensor_or_undefined(const MaybeTensor& t) {
  static const at::Tensor& undefined = *new at::Tensor;
  return t ? *t : undefined;
}

/// How an overload gives its results, in the words of torch's code generator: new ones, over its self, or into its out= arguments.
enum class SchemaKind : uint8_t { Functional, InPlace, Out };

// ---- types ----
bool is_compiled_type(c10::ScalarType t);      // bool, integers, f16, bf16, f32, f64
DType to_dtype(c10::ScalarType t);             // throws for types the runtime does not know (quantized, ...)
c10::ScalarType to_scalar_type(DType t);
/// Node::compute for a common dtype: f16 and bf16 compute in f32.
inline DType compute_type(DType t) { return t == DType::F16 || t == DType::BF16 ? DType::F32 : t; }

inline bool is_hologram(const at::Tensor& t) { return t.defined() && t.device().type() == kDevice; }

/// Are the strides of the dims from `first` on exactly those of a new contiguous tensor with elements? Where dims have size 1 other
/// strides may mean the same memory.
inline bool has_plain_strides(const at::Tensor& t, int64_t first = 0) {
  int64_t expected = 1;
  for (int64_t d = t.dim() - 1; d >= first; --d) {
    if (t.strides()[d] != expected || t.sizes()[d] == 0) return false;
    expected *= t.sizes()[d];
  }
  return true;
}

// ---- circuits ----
/// Adds `t` as an input operand over the iteration space `circuit.sizes[0..rank)` (already set): `t` must be
/// broadcastable to it, aligned at the last dimension.
Ref add_input(Circuit& circuit, const at::Tensor& t);
/// Adds `t` (already of the iteration space's kept shape, broadcast along the row) as the destination of `source`.
Ref add_output(Circuit& circuit, const at::Tensor& t, Ref source);
/// `value` of element type `from` as `to`: an output stores values of its own type.
inline Ref convert(Circuit& circuit, Ref value, DType from, DType to) {
  return from == to ? value : circuit.add_node(Op::copy, compute_type(to), to, {value});
}
void set_sizes(Circuit& circuit, c10::IntArrayRef sizes, int row_rank = 0);
/// A Scalar as a kernel argument: integral and bool as int64, floating as double.
Ref add_scalar(Circuit& circuit, const at::Scalar& s);
void submit(Circuit& circuit, const at::Tensor& any);

}  // namespace hologram::aten
