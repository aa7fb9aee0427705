#include "torch/aten/core/row_space.h"

namespace hologram::aten {

RowSpace::RowSpace(c10::IntArrayRef sizes, DimMask row)
    : tensor_rank_(static_cast<int64_t>(sizes.size())) {
  int rank = 0, kept = 0;
  for (int64_t d = 0; d < tensor_rank_; ++d) {
    if (row[d]) continue;
    circuit_.sizes[rank] = sizes[d];
    full_.of[rank] = static_cast<int8_t>(d);
    kept_.of[rank] = static_cast<int8_t>(kept++);
    row_.of[rank++] = -1;
  }
  int folded = 0;
  for (int64_t d = 0; d < tensor_rank_; ++d) {
    if (!row[d]) continue;
    circuit_.sizes[rank] = sizes[d];
    full_.of[rank] = static_cast<int8_t>(d);
    kept_.of[rank] = -1;
    row_.of[rank++] = static_cast<int8_t>(folded++);
  }
  if (folded == 0) {
    circuit_.sizes[rank] = 1;
    full_.of[rank] = kept_.of[rank] = row_.of[rank] = -1;
    ++rank;
    ++folded;
  }
  circuit_.rank = static_cast<uint8_t>(rank);
  circuit_.row_rank = static_cast<uint8_t>(folded);
}

const RowSpace::Dims& RowSpace::nowhere() {
  static const Dims none = [] {
    Dims dims;
    for (int8_t& d : dims.of) d = -1;
    return dims;
  }();
  return none;
}

Ref RowSpace::add(const at::Tensor& t, const Dims& dims, bool output, Ref source) {
  const c10::IntArrayRef sizes = t.sizes(), strides = t.strides();
  for (int d = 0; d < circuit_.rank; ++d) {
    const int dim = dims.of[d];
    TORCH_CHECK(dim < t.dim() && (dim < 0 || sizes[static_cast<size_t>(dim)] == circuit_.sizes[d] || sizes[static_cast<size_t>(dim)] == 1),
                "hologram: a tensor of shape ", sizes, " does not fit an op over rows of ", circuit_.sizes[circuit_.rank - 1],
                " elements. Pass tensors of the shapes that the forward op took and returned.");
  }
  char* const data = output ? output_data(t) : input_data(t);
  const DType dtype = dtype_of(t);
  const Ref ref = output ? circuit_.add_output(block_of(t), data, dtype, source)
                         : circuit_.add_operand(block_of(t), data, dtype);
  const int64_t item = static_cast<int64_t>(item_size(dtype));
  int64_t* bytes = circuit_.strides(ref);
  for (int d = 0; d < circuit_.rank; ++d) {
    const int dim = dims.of[d];
    bytes[d] = dim < 0 || sizes[dim] == 1 ? 0 : strides[dim] * item;
  }
  return ref;
}

}  // namespace hologram::aten
