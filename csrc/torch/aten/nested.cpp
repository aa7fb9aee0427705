#include "torch/aten/nested.h"

#include <ATen/NestedTensorImpl.h>
#include <ATen/ops/_nested_view_from_buffer_native.h>
#include <ATen/ops/_to_copy_native.h>
#include <ATen/ops/copy_native.h>
#include <ATen/ops/empty_like_native.h>
#include <torch/library.h>

#include "torch/aten/delegate.h"

namespace hologram::aten {

at::Tensor map_nested(const at::Tensor& t, c10::function_ref<at::Tensor(const at::Tensor&)> map) {
  const auto* nested = static_cast<const at::native::NestedTensorImpl*>(t.unsafeGetTensorImpl());
  return at::detail::make_tensor<at::native::NestedTensorImpl>(map(nested->get_unsafe_storage_as_tensor()),
      nested->get_nested_sizes(), nested->get_nested_strides(), nested->get_storage_offsets());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  // A view of the dense buffer; the sizes, strides and offsets are the CPU's.
  m.impl("_nested_view_from_buffer", &at::native::_nested_view_from_buffer);
}

TORCH_LIBRARY_IMPL(aten, NestedTensorPrivateUse1, m) {
  // These make or fill tensors of another device. torch's kernels copy whole buffers, wherever they lie.
  m.impl("_to_copy", &at::native::_to_copy_nested);
  m.impl("copy_", &at::native::copy_nested_);
  m.impl("empty_like", &at::native::empty_like_nested);
  // Everything else is delegated.
  delegate_each(m, c10::DispatchKey::NestedTensorCPU, {"_to_copy", "copy_", "empty_like"});
}

}  // namespace hologram::aten
