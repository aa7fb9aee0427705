#include "torch/aten/torch_kernels/nested.h"

#include <ATen/NestedTensorImpl.h>
#include <ATen/ops/_nested_tensor_size_native.h>
#include <ATen/ops/_nested_tensor_size_ops.h>
#include <ATen/ops/_nested_tensor_storage_offsets_native.h>
#include <ATen/ops/_nested_tensor_storage_offsets_ops.h>
#include <ATen/ops/_nested_tensor_strides_native.h>
#include <ATen/ops/_nested_tensor_strides_ops.h>
#include <ATen/ops/_nested_view_from_buffer_native.h>
#include <ATen/ops/_nested_view_from_buffer_ops.h>
#include <ATen/ops/_to_copy_native.h>
#include <ATen/ops/_to_copy_ops.h>
#include <ATen/ops/copy_native.h>
#include <ATen/ops/copy_ops.h>
#include <ATen/ops/empty_like_native.h>
#include <ATen/ops/empty_like_ops.h>
#include <torch/library.h>

#include "torch/aten/core/registration.h"
#include "torch/aten/torch_kernels/fallback.h"

namespace hologram::aten {

at::Tensor map_nested(const at::Tensor& t, c10::function_ref<at::Tensor(const at::Tensor&)> map) {
  const auto* nested = static_cast<const at::native::NestedTensorImpl*>(t.unsafeGetTensorImpl());
  return at::detail::make_tensor<at::native::NestedTensorImpl>(map(nested->get_unsafe_storage_as_tensor()),
      nested->get_nested_sizes(), nested->get_nested_strides(), nested->get_storage_offsets());
}

namespace {

/// A view of the dense buffer. The sizes, strides and offsets are read by address, on the CPU.
at::Tensor view_from_buffer(const at::Tensor& buffer, const at::Tensor& sizes, const at::Tensor& strides, const at::Tensor& offsets) {
  return at::native::_nested_view_from_buffer(buffer, sizes.cpu(), strides.cpu(), offsets.cpu());
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) { register_kernel<at::_ops::_nested_view_from_buffer, &view_from_buffer>(m); }

TORCH_LIBRARY_IMPL(aten, NestedTensorPrivateUse1, m) {
  // These make or fill tensors of another device. torch's kernels copy whole buffers, wherever they lie.
  register_kernel<at::_ops::_to_copy, &at::native::_to_copy_nested>(m);
  register_kernel<at::_ops::copy_, &at::native::copy_nested_>(m);
  register_kernel<at::_ops::empty_like, &at::native::empty_like_nested>(m);
  // What describes the tensor stays on the CPU.
  register_kernel<at::_ops::_nested_tensor_size, &at::native::_nested_tensor_size>(m);
  register_kernel<at::_ops::_nested_tensor_strides, &at::native::_nested_tensor_strides>(m);
  register_kernel<at::_ops::_nested_tensor_storage_offsets, &at::native::_nested_tensor_storage_offsets>(m);
  // Everything else is the fallback's.
  register_fallbacks(m, c10::DispatchKey::NestedTensorCPU, {"_to_copy", "copy_", "empty_like", "_nested_tensor_size",
                                                       "_nested_tensor_strides", "_nested_tensor_storage_offsets"});
}

}  // namespace hologram::aten
