#include "torch/device/storage.h"

#include <algorithm>

#include "torch/device/allocator.h"
#include "torch/device/device.h"

namespace hologram {

void resize_storage(c10::StorageImpl& storage, size_t bytes) {
  TORCH_CHECK(storage.resizable(), "Trying to resize storage that is not resizable");
  const c10::Device device = storage.device();
  Block* const old_block = block_of(storage.data_ptr());
  Backend& backend = old_block ? *old_block->backend : current_backend();
  c10::DataPtr data{nullptr, nullptr, nullptr, device};
  if (bytes != 0) {
    Block* block = allocate_for_torch(bytes);
    data = c10::DataPtr(block->data, block, &release_block, device);
    if (const size_t common = std::min(bytes, storage.nbytes())) {
      current_stream(backend).flush();   // what was submitted on the old bytes comes first
      backend.copy(block->data, storage.data(), common);
    }
  }
  storage.set_data_ptr_noswap(std::move(data));
  storage.set_nbytes(bytes);
}

}  // namespace hologram
