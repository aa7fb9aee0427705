#include "torch/aten/core/common.h"

#include <c10/core/Scalar.h>
#include <c10/util/Exception.h>

#include "torch/device/errors.h"

namespace hologram::aten {

bool is_compiled_type(c10::ScalarType t) {
  switch (t) {
    case c10::ScalarType::Bool:
    case c10::ScalarType::Byte:
    case c10::ScalarType::Char:
    case c10::ScalarType::Short:
    case c10::ScalarType::Int:
    case c10::ScalarType::Long:
    case c10::ScalarType::UInt16:
    case c10::ScalarType::UInt32:
    case c10::ScalarType::UInt64:
    case c10::ScalarType::Half:
    case c10::ScalarType::BFloat16:
    case c10::ScalarType::Float:
    case c10::ScalarType::Double:
      return true;
    default:
      return false;
  }
}

DType to_dtype(c10::ScalarType t) {
  switch (t) {
    case c10::ScalarType::Bool: return DType::Bool;
    case c10::ScalarType::Byte: return DType::U8;
    case c10::ScalarType::Char: return DType::I8;
    case c10::ScalarType::Short: return DType::I16;
    case c10::ScalarType::Int: return DType::I32;
    case c10::ScalarType::Long: return DType::I64;
    case c10::ScalarType::Half: return DType::F16;
    case c10::ScalarType::BFloat16: return DType::BF16;
    case c10::ScalarType::Float: return DType::F32;
    case c10::ScalarType::Double: return DType::F64;
    case c10::ScalarType::ComplexFloat: return DType::C64;
    case c10::ScalarType::ComplexDouble: return DType::C128;
    case c10::ScalarType::UInt16: return DType::U16;
    case c10::ScalarType::UInt32: return DType::U32;
    case c10::ScalarType::UInt64: return DType::U64;
    default: break;
  }
  TORCH_CHECK_NOT_IMPLEMENTED(false, "hologram: dtype ", t, " has no compiled kernels. Use a bool, integer, floating or ",
                              "complex dtype, or move the tensor to 'cpu'.");
}

c10::ScalarType to_scalar_type(DType t) {
  switch (t) {
    case DType::Bool: return c10::ScalarType::Bool;
    case DType::U8: return c10::ScalarType::Byte;
    case DType::I8: return c10::ScalarType::Char;
    case DType::I16: return c10::ScalarType::Short;
    case DType::I32: return c10::ScalarType::Int;
    case DType::I64: return c10::ScalarType::Long;
    case DType::F16: return c10::ScalarType::Half;
    case DType::BF16: return c10::ScalarType::BFloat16;
    case DType::F32: return c10::ScalarType::Float;
    case DType::F64: return c10::ScalarType::Double;
    case DType::C64: return c10::ScalarType::ComplexFloat;
    case DType::C128: return c10::ScalarType::ComplexDouble;
    case DType::U16: return c10::ScalarType::UInt16;
    case DType::U32: return c10::ScalarType::UInt32;
    case DType::U64: return c10::ScalarType::UInt64;
    case DType::Count: break;
  }
  return c10::ScalarType::Undefined;
}

void set_sizes(Circuit& circuit, c10::IntArrayRef sizes, int row_rank) {
  TORCH_CHECK(sizes.size() <= static_cast<size_t>(kMaxRank), "hologram: a kernel iterates over at most ", kMaxRank,
              " dimensions, this tensor has ", sizes.size(), ". Reshape it to fewer dimensions.");
  circuit.rank = static_cast<uint8_t>(sizes.size());
  circuit.row_rank = static_cast<uint8_t>(row_rank);
  for (size_t d = 0; d < sizes.size(); ++d) circuit.sizes[d] = sizes[d];
}

namespace {

/// Byte strides of `t` over the first `rank` dimensions of the iteration space, `t` aligned at their end.
void broadcast_strides(int64_t* strides, const int64_t* sizes, int rank, const at::Tensor& t) {
  const int64_t bytes = static_cast<int64_t>(t.element_size());
  const int shift = rank - static_cast<int>(t.dim());
  TORCH_CHECK(shift >= 0, "hologram: a tensor of ", t.dim(), " dimensions does not broadcast to ", rank, ".");
  const c10::IntArrayRef own = t.sizes(), steps = t.strides();
  for (int d = shift; d < rank; ++d) {
    const int64_t size = own[d - shift];
    TORCH_CHECK(size == sizes[d] || size == 1, "hologram: a tensor of shape ", own, " does not broadcast to ",
                c10::IntArrayRef(sizes, static_cast<size_t>(rank)), ".");
    strides[d] = size == 1 && sizes[d] != 1 ? 0 : steps[d - shift] * bytes;
  }
}

}  // namespace

Ref add_input(Circuit& circuit, const at::Tensor& t) {
  const Ref ref = circuit.add_operand(block_of(t), input_data(t), to_dtype(t.scalar_type()));
  broadcast_strides(circuit.strides(ref), circuit.sizes, circuit.rank, t);
  return ref;
}

Ref add_output(Circuit& circuit, const at::Tensor& t, Ref source) {
  const Ref ref = circuit.add_output(block_of(t), output_data(t), to_dtype(t.scalar_type()), source);
  const int kept = circuit.rank - circuit.row_rank;
  broadcast_strides(circuit.strides(ref), circuit.sizes, t.dim() > kept ? circuit.rank : kept, t);
  return ref;
}

Ref add_scalar(Circuit& circuit, const at::Scalar& s) {
  if (s.isIntegral(/*includeBool=*/true)) return circuit.add_scalar(s.toLong());
  return circuit.add_scalar(s.toDouble());
}

void submit(Circuit& circuit, const at::Tensor& any) {
  with_c10_errors([&] { stream_of(any).submit(circuit); });
}

}  // namespace hologram::aten
