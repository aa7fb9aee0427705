#include "torch/device/storage.h"

#include <algorithm>

#include "runtime/base/config.h"
#include "runtime/graph/capturing.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/threads.h"

namespace hologram {

void resize_storage(c10::StorageImpl& storage, size_t bytes) {
  TORCH_CHECK(storage.resizable(), "Trying to resize storage that is not resizable");
  const c10::Device device = storage.device();
  Block* const old_block = block_of(storage.data_ptr());
  Queue& queue = (old_block ? *old_block->queue : default_queue()).current(device.index());
  c10::DataPtr data{nullptr, nullptr, nullptr, device};
  if (bytes != 0) {
    Block* block = allocate_for_torch(queue, bytes);
    data = c10::DataPtr(block->data, block, &release_block, device);
    if (const size_t common = std::min(bytes, storage.nbytes())) {
      with_c10_errors([&] {
        if (capturing()) note_host_access(*old_block);
        old_block->queue->stream().order_read(old_block);
        queue.copy(block->data, storage.data(), common);
        if (C10_UNLIKELY(queue.host_waits()) && pointers_stay_inside()) queue.wait_for_device();
      });
    }
  }
  storage.set_data_ptr_noswap(std::move(data));
  storage.set_nbytes(bytes);
  watch_pointers(storage);
}

// ---- addresses that leave the device ----

namespace {

thread_local int inside = 0;

#if HOLOGRAM_WATCHES_POINTERS
void pointer_taken(c10::StorageImpl* storage) {
  if (inside) return;
  if (Block* block = block_of(storage->data_ptr())) expose(*block);
}
#endif

}  // namespace

PointersInside::PointersInside() { ++inside; }
PointersInside::~PointersInside() { --inside; }
bool pointers_stay_inside() { return inside != 0; }

void expose(Block& block) {
  limit_threads_after_fork();
  if (capturing()) note_host_access(block);
  // First the mark: what another thread records in between runs at once (Stream::submit).
  block.exposed.store(true);
  stop_watching(block);
  with_c10_errors([&] { block.queue->stream().before_write(&block, Reason::Pointer); });
}

void watch_pointers(c10::StorageImpl& storage) {
#if HOLOGRAM_WATCHES_POINTERS
  if (storage.has_materializer()) return;
  const Block* block = block_of(storage.data_ptr());
  if (block && !block->exposed.load(std::memory_order_relaxed)) storage.set_materializer(&pointer_taken);
#else
  Block* block = block_of(storage.data_ptr());
  if (!block || config().force_fusion) return;
  block->exposed.store(true, std::memory_order_relaxed);
  stop_watching(*block);
#endif
}

bool records_tensors() { return config().fusion && !config().sync && (HOLOGRAM_WATCHES_POINTERS || config().force_fusion); }

}  // namespace hologram
