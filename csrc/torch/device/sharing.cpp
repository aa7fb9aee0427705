#include "torch/device/sharing.h"

#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/storage.h"

namespace hologram {
namespace {

void release_host(void* storage) {
  c10::intrusive_ptr<c10::StorageImpl>::reclaim(static_cast<c10::StorageImpl*>(storage));
}

void check_shareable(const Queue& queue, size_t bytes) {
  TORCH_CHECK_NOT_IMPLEMENTED(queue.reads_host_memory(), "hologram.share_memory_: the memory of the backend '", queue.name(),
                              "' cannot be shared between processes (", bytes, " bytes). Send a .cpu() copy, and move it to the "
                              "device where it is received: a DataLoader's workers return CPU tensors.");
}

c10::DataPtr data_over(const c10::Storage& host, c10::Device device) {
  check_shareable(default_queue(), host.nbytes());
  TORCH_CHECK(host.device().is_cpu(), "hologram.share_memory_: expected a CPU storage, got one on ", host.device(), ".");
  auto* owner = host.unsafeGetStorageImpl();
  void* data = owner->mutable_data();
  c10::intrusive_ptr<c10::StorageImpl> reference = c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(owner);
  Block* block = adopt_block(default_queue(), data, host.nbytes(), reference.release(), &release_host);
  return c10::DataPtr(data, block, &release_block, device);
}

}  // namespace

c10::Storage host_storage_of(const c10::Storage& storage) {
  const Block* block = block_of(storage.data_ptr());
  if (!block || block->pool != Block::Pool::External || block->external_free != &release_host) return {};
  return c10::Storage(c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(static_cast<c10::StorageImpl*>(block->owner)));
}

void move_into(const c10::Storage& storage, const c10::Storage& host) {
  auto* impl = storage.unsafeGetStorageImpl();
  if (const Block* block = block_of(storage.data_ptr())) check_shareable(*block->queue, impl->nbytes());
  TORCH_CHECK(host.nbytes() >= impl->nbytes(), "hologram.share_memory_: ", impl->nbytes(), " bytes do not fit into ",
              host.nbytes(), ".");
  c10::DataPtr data = data_over(host, impl->device());
  if (Block* block = block_of(storage.data_ptr())) expose(*block);   // the bytes must be there before they are moved
  default_queue().copy(data.get(), impl->data(), impl->nbytes());
  impl->set_data_ptr_noswap(std::move(data));
  impl->set_resizable(false);
}

c10::Storage storage_over(const c10::Storage& host, c10::DeviceIndex device) {
  return c10::make_intrusive<c10::StorageImpl>(
      c10::StorageImpl::use_byte_size_t(), static_cast<int64_t>(host.nbytes()),
      data_over(host, c10::Device(kDeviceType, checked_device_index(device))), &device_allocator(), /*resizable=*/false);
}

}  // namespace hologram
