#include "torch/aten/core/structured.h"

#include <ATen/MemoryOverlap.h>

namespace hologram::aten {

void check_overlap(const at::Tensor& out, const at::Tensor& in) {
  at::assert_no_internal_overlap(out);
  at::assert_no_partial_overlap(out, in);
}

void resize_out(const at::Tensor& out, c10::IntArrayRef sizes, c10::IntArrayRef strides, const c10::TensorOptions& options) {
  TORCH_CHECK(options.dtype() == out.dtype(), "Expected out tensor to have dtype ", options.dtype(), ", but got ", out.dtype(),
              " instead");
  TORCH_CHECK(options.device() == out.device(), "Expected out tensor to have device ", options.device(), ", but got ", out.device(),
              " instead");
  if (at::native::resize_output(out, sizes) && !strides.empty()) out.as_strided_(sizes, strides);
}

}  // namespace hologram::aten
