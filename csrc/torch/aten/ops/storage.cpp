// Tensors over blocks: creation, views, set_ and resize_, reading one element. What needs no bytes calls ATen's own functions.

#include <ATen/Context.h>
#include <ATen/Dispatch_v2.h>
#include <ATen/EmptyTensor.h>
#include <ATen/native/Resize.h>
#include <ATen/native/TensorFactories.h>
#include <ATen/ops/_has_compatible_shallow_copy_type_ops.h>
#include <ATen/ops/_lazy_clone_ops.h>
#include <ATen/ops/_local_scalar_dense_ops.h>
#include <ATen/ops/_reshape_alias_ops.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/as_strided_ops.h>
#include <ATen/ops/empty_ops.h>
#include <ATen/ops/empty_strided_ops.h>
#include <ATen/ops/is_set_to_native.h>
#include <ATen/ops/is_set_to_ops.h>
#include <ATen/ops/record_stream_ops.h>
#include <ATen/ops/resize_ops.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/set_ops.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/unfold_ops.h>
#include <ATen/ops/view_as_complex_native.h>
#include <ATen/ops/view_as_complex_ops.h>
#include <ATen/ops/view_as_real_native.h>
#include <ATen/ops/view_as_real_ops.h>
#include <ATen/ops/view_native.h>
#include <ATen/ops/view_ops.h>
#include <torch/library.h>

#include "torch/aten/core/common.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/storage.h"
#include "torch/device/stream.h"
#include "torch/torch_version.h"

namespace hologram::aten {
namespace {

constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

c10::Device resolve(std::optional<c10::Device> device) {
  return c10::Device(kDevice, checked_device_index(device.has_value() ? device->index() : -1));
}

void check_options(std::optional<c10::Layout> layout, std::optional<bool> pin_memory) {
  TORCH_CHECK(!pin_memory.value_or(false), "Only dense CPU tensors can be pinned");
  TORCH_CHECK_NOT_IMPLEMENTED(layout.value_or(c10::Layout::Strided) == c10::Layout::Strided,
                              "hologram.empty: layout ", *layout, " is not strided. Make the tensor on 'cpu'.");
}

// torch.use_deterministic_algorithms: uninitialized memory must not leak into results.
at::Tensor filled_if_deterministic(at::Tensor t) {
  const auto& context = at::globalContext();
  if (C10_UNLIKELY(context.deterministicAlgorithms() && context.deterministicFillUninitializedMemory())) {
    at::native::fill_empty_deterministic_(t);
  }
  return t;
}

}  // namespace

// ---- creation ----

namespace {

at::Tensor empty_memory_format(c10::IntArrayRef sizes, std::optional<c10::ScalarType> dtype,
                               std::optional<c10::Layout> layout, std::optional<c10::Device> device,
                               std::optional<bool> pin_memory, std::optional<c10::MemoryFormat> format) {
  check_options(layout, pin_memory);
  at::Tensor t = empty(sizes, c10::dtype_or_default(dtype), resolve(device));
  if (format.has_value() && *format != c10::MemoryFormat::Contiguous) {
    t.unsafeGetTensorImpl()->empty_tensor_restride(*format);
  }
  return filled_if_deterministic(std::move(t));
}

at::Tensor empty_strided_options(c10::IntArrayRef sizes, c10::IntArrayRef strides, std::optional<c10::ScalarType> dtype,
                                 std::optional<c10::Layout> layout, std::optional<c10::Device> device,
                                 std::optional<bool> pin_memory) {
  check_options(layout, pin_memory);
  return filled_if_deterministic(empty_strided(sizes, strides, c10::dtype_or_default(dtype), resolve(device)));
}

// ---- resize_ and set_ ----

void resize(c10::TensorImpl* impl, c10::IntArrayRef sizes, at::OptionalIntArrayRef strides) {
  const size_t item = impl->dtype().itemsize();
  at::detail::check_size_nonnegative(sizes);
  const size_t offset = static_cast<size_t>(impl->storage_offset());
  size_t bytes;
  if (strides.has_value()) {
    bytes = at::detail::computeStorageNbytes(sizes, *strides, item, offset);
    impl->set_sizes_and_strides(sizes, *strides);
  } else {
    bytes = at::detail::computeStorageNbytesContiguous(sizes, item, offset);
    impl->generic_set_sizes_contiguous(sizes);
  }
  // A storage is never shrunk, and never grown for a tensor without elements.
  if (impl->numel() != 0 && bytes > impl->unsafe_storage().nbytes()) {
    resize_storage(*impl->unsafe_storage().unsafeGetStorageImpl(), bytes);
  }
}

const at::Tensor& resize_(const at::Tensor& self, c10::IntArrayRef sizes, std::optional<c10::MemoryFormat> format) {
  auto* impl = self.unsafeGetTensorImpl();
  const int64_t old_bytes = static_cast<int64_t>(self.storage().nbytes());
  if (impl->sizes() != sizes) resize(impl, sizes, std::nullopt);
  if (format.has_value()) {
    TORCH_CHECK(*format != c10::MemoryFormat::Preserve, "Unsupported memory format", *format);
    impl->empty_tensor_restride(*format);
  }
  const auto& context = at::globalContext();
  if (C10_UNLIKELY(context.deterministicAlgorithms() && context.deterministicFillUninitializedMemory())) {
    at::native::fill_resize_deterministic_(self, old_bytes);
  }
  return self;
}

at::Tensor& set_storage_offset_(at::Tensor& self, c10::Storage storage, int64_t offset, c10::IntArrayRef sizes,
                                c10::IntArrayRef strides) {
  at::native::checkSetStorage(self, std::move(storage), offset, sizes, strides);
  auto* impl = self.unsafeGetTensorImpl();
  impl->set_storage_offset(offset);
  const at::OptionalIntArrayRef given =
      strides.data() != nullptr ? at::OptionalIntArrayRef(strides) : at::OptionalIntArrayRef(std::nullopt);
  if (impl->sizes() != sizes || (given.has_value() && impl->strides() != *given)) resize(impl, sizes, given);
  return self;
}

at::Tensor& set_empty_(at::Tensor& self) {
  return set_storage_offset_(self, c10::Storage(new_storage(0, self.device())), 0, {0}, {});
}

// ---- reading one element ----

#if HOLOGRAM_TORCH_AT_LEAST(2, 14)
#define HOLOGRAM_SMALL_COMPLEX at::kComplexHalf, at::kBComplex32
#else
#define HOLOGRAM_SMALL_COMPLEX at::kComplexHalf
#endif

at::Scalar local_scalar_dense(const at::Tensor& self) {
  TORCH_CHECK(self.numel() > 0, "_local_scalar_dense: Empty tensor not supported");
  CapturedRead captured;
  before_read(self, Reason::Read);
  alignas(16) char bytes[16];
  with_c10_errors([&] { queue_of(self).download(bytes, self.const_data_ptr(), self.element_size()); });
  captured.add(self);
  at::Scalar result;
  AT_DISPATCH_V2(self.scalar_type(), "_local_scalar_dense", AT_WRAP([&] {
                   scalar_t value;
                   std::memcpy(&value, bytes, sizeof(value));
                   result = at::Scalar(value);
                 }),
                 AT_EXPAND(AT_ALL_TYPES_AND_COMPLEX), AT_EXPAND(AT_BAREBONES_UNSIGNED_TYPES), AT_EXPAND(AT_FLOAT8_TYPES),
                 HOLOGRAM_SMALL_COMPLEX, at::kHalf, at::kBool, at::kBFloat16);
  return result;
}

// torch's own kernel trusts its caller with the geometry.
at::Tensor reshape_alias(const at::Tensor& self, c10::IntArrayRef sizes, c10::IntArrayRef strides) {
  TORCH_CHECK(sizes.size() == strides.size(), "_reshape_alias: sizes and strides differ in length");
  return at::native::as_strided_tensorimpl(self, sizes, strides, self.storage_offset());
}

// A copy that torch makes when one of the two is written. A storage of the device is watched for other reasons (storage.h), and
// recorded copies cost little: it is made now. What the tensor does not cover is copied too, as it would be.
at::Tensor lazy_clone(const at::Tensor& self) {
  const auto device = self.device();
  const auto bytes = static_cast<int64_t>(self.storage().nbytes());
  at::Tensor copy = empty({bytes}, at::kByte, device);
  if (bytes) {
    at::Tensor all = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(self.storage()), kKeys, c10::scalarTypeToTypeMeta(at::kByte));
    all.unsafeGetTensorImpl()->set_sizes_contiguous({bytes});
    copy.copy_(all);
  }
  at::Tensor result = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(copy.storage()), self.key_set(), self.dtype());
  result.unsafeGetTensorImpl()->set_sizes_and_strides(self.sizes(), self.strides(), self.storage_offset());
  return result;
}

void record_stream(at::Tensor& self, c10::Stream stream) { note_use(self.storage().data_ptr(), stream); }

// ATen's own answer leaves PrivateUse1 out, which makes Module.to() create new Parameters where CUDA keeps them:
// tied weights would come apart and optimizers made before .to() would update dead tensors. A TensorImpl of this
// device is the plain c10 one, as on the CPU, so that one may take over the other's contents.
bool has_compatible_shallow_copy_type(const at::Tensor& self, const at::Tensor& from) {
  const auto plain = [](const at::Tensor& t) {
    return (t.device().is_cpu() || t.device().type() == kDevice) && t.layout() == c10::Layout::Strided &&
           t.unsafeGetTensorImpl()->has_storage() && !t.is_nested() && !t.is_quantized();
  };
  return (plain(self) && plain(from)) || self.unsafeGetTensorImpl()->has_compatible_shallow_copy_type(from.key_set());
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::empty_memory_format, &empty_memory_format>(m);
  register_kernel<at::_ops::empty_strided, &empty_strided_options>(m);
  register_kernel<at::_ops::as_strided, &at::native::as_strided_tensorimpl>(m);
  register_kernel<at::_ops::view, static_cast<at::Tensor (*)(const at::Tensor&, at::IntArrayRef)>(&at::native::view)>(m);
  register_kernel<at::_ops::_reshape_alias, &reshape_alias>(m);
  register_kernel<at::_ops::unfold, &at::native::unfold>(m);
  register_kernel<at::_ops::view_as_real, &at::native::view_as_real>(m);
  register_kernel<at::_ops::view_as_complex, &at::native::view_as_complex>(m);
  register_kernel<at::_ops::resize_, &resize_>(m);
  register_kernel<at::_ops::set__source_Storage, static_cast<at::Tensor& (*)(at::Tensor&, at::Storage)>(&at::native::set_)>(m);
  register_kernel<at::_ops::set__source_Storage_storage_offset, &set_storage_offset_>(m);
  register_kernel<at::_ops::set__source_Tensor, &at::native::set_tensor_>(m);
  register_kernel<at::_ops::set_, &set_empty_>(m);
  register_kernel<at::_ops::is_set_to, &at::native::is_set_to>(m);
  register_kernel<at::_ops::_local_scalar_dense, &local_scalar_dense>(m);
  register_kernel<at::_ops::_lazy_clone, &lazy_clone>(m);
  register_kernel<at::_ops::record_stream, &record_stream>(m);
  register_kernel<at::_ops::_has_compatible_shallow_copy_type, &has_compatible_shallow_copy_type>(m);
}

}  // namespace hologram::aten
