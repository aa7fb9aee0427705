#include "torch/aten/core/tensor_memory.h"

#include <ATen/EmptyTensor.h>

#include "runtime/graph/capturing.h"
#include "runtime/trace/poison.h"
#include "torch/aten/core/bounds.h"
#include "torch/aten/core/common.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/stream.h"
#include "torch/device/threads.h"

namespace hologram::aten {
namespace {

constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

at::Tensor make_tensor(size_t bytes, c10::ScalarType dtype, c10::Device device) {
  return at::detail::make_tensor<c10::TensorImpl>(c10::Storage(new_storage(bytes, device)), kKeys,
                                                  c10::scalarTypeToTypeMeta(dtype));
}

/// torch warns, once in a process and where it makes a tensor, that some types are experimental (complex32, bcomplex32).
void warn_of_experimental(c10::ScalarType dtype) {
  if (c10::elementSize(dtype) < c10::elementSize(at::kComplexFloat))
    at::detail::empty_generic({0}, &device_allocator(), kKeys, dtype, std::nullopt);
}

}  // namespace

// ---- creation ----

c10::intrusive_ptr<c10::StorageImpl> new_storage(size_t bytes, c10::Device device) {
  c10::DataPtr data = bytes == 0 ? c10::DataPtr(nullptr, nullptr, nullptr, device)
                                 : data_ptr_of(allocate_for_torch(current_queue(device.index()), bytes), device);
  auto storage = c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), static_cast<int64_t>(bytes),
                                                       std::move(data), &device_allocator(), /*resizable=*/true);
  watch_pointers(*storage);
  return storage;
}

c10::DataPtr data_ptr_of(Block* block, c10::Device device) { return c10::DataPtr(block->data, block, &release_block, device); }

at::Tensor empty(c10::IntArrayRef sizes, c10::ScalarType dtype, c10::Device device) {
  at::detail::check_size_nonnegative(sizes);
  if (C10_UNLIKELY(c10::isComplexType(dtype))) warn_of_experimental(dtype);
  at::Tensor t = make_tensor(at::detail::computeStorageNbytesContiguous(sizes, c10::elementSize(dtype)), dtype, device);
  if (sizes.size() != 1 || sizes[0] != 0) t.unsafeGetTensorImpl()->generic_set_sizes_contiguous(sizes);
  return t;
}

at::Tensor empty_strided(c10::IntArrayRef sizes, c10::IntArrayRef strides, c10::ScalarType dtype, c10::Device device) {
  at::detail::check_size_nonnegative(sizes);
  if (C10_UNLIKELY(c10::isComplexType(dtype))) warn_of_experimental(dtype);
  at::Tensor t = make_tensor(at::detail::computeStorageNbytes(sizes, strides, c10::elementSize(dtype)), dtype, device);
  t.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides);
  return t;
}

Block* block_of(const at::Tensor& t) {
  Block* const block = hologram::block_of(t.storage().data_ptr());
  if (C10_UNLIKELY(!block)) check_storage(t);   // there may be no memory at all
  return block;
}

namespace {
/// The current device for a tensor of the CPU: it has memory that no block describes.
c10::DeviceIndex index_of(const at::Tensor& t) { return is_hologram(t) ? t.device().index() : current_device(); }
}  // namespace

Queue& home_queue(const at::Tensor& t) {
  const Block* block = hologram::block_of(t.storage().data_ptr());
  return C10_LIKELY(block != nullptr) ? *block->queue : current_queue(index_of(t));
}

Queue& queue_of(const at::Tensor& t) {
  Queue& queue = home_queue(t);
  return queue.has_one_queue() ? queue : queue.current(index_of(t));
}

Stream& stream_of(const at::Tensor& t) { return queue_of(t).stream(); }

// ---- before bytes are read or written ----

char* output_data(const at::Tensor& t) {
  c10::StorageImpl* const storage = t.storage().unsafeGetStorageImpl();
  if (!hologram::block_of(storage->data_ptr())) return static_cast<char*>(t.mutable_data_ptr());  // a lazy copy becomes a real one
  watch_pointers(*storage);
  return input_data(t);
}

void order_read(const at::Tensor& t) {
  check_storage(t);
  if (Block* const block = block_of(t)) {
    if (capturing()) note_host_access(*block);
    with_c10_errors([&] { block->queue->stream().order_read(block, Reason::Read); });
  }
}

void order_write(const at::Tensor& t) {
  check_storage(t);
  if (Block* const block = block_of(t)) {
    if (capturing()) note_host_access(*block, /*written=*/true);
    with_c10_errors([&] { block->queue->stream().order_write(block, Reason::Read); });
  }
}

void before_read(const at::Tensor& t, Reason reason) {
  limit_threads_after_fork();
  if (!t.defined() || !t.has_storage()) return;
  check_storage(t);
  if (Block* const block = block_of(t)) {
    if (capturing()) note_host_access(*block);
    with_c10_errors([&] { block->queue->stream().before_read(block, reason); });
  }
}

void before_write(const at::Tensor& t, Reason reason) {
  limit_threads_after_fork();
  if (!t.defined() || !t.has_storage()) return;
  check_storage(t);
  if (Block* const block = block_of(t)) {
    if (capturing()) note_host_access(*block, /*written=*/true);
    with_c10_errors([&] { block->queue->stream().before_write(block, reason); });
  }
}

void after_write(const at::Tensor& t) {
  if (!t.defined() || !t.has_storage()) return;
  if (const Block* const block = hologram::block_of(t.storage().data_ptr())) note_write(*block);
}

void forget_lost_value(const at::Tensor& t) {
  Block* const block = block_of(t);
  if (C10_UNLIKELY(block && is_poisoned(*block)) && t.nbytes() == block->bytes) forget_poison(*block);
}

}  // namespace hologram::aten
