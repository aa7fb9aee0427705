// The device's memory as torch sees it: every DataPtr of the device owns one reference to a Block.
#pragma once

#include <c10/core/CachingDeviceAllocator.h>

#include "runtime/device/queue.h"
#include "runtime/memory/block.h"

namespace hologram {

c10::DeviceAllocator& device_allocator();

/// A block of `bytes` on a queue; runtime errors arrive as c10 errors (torch.OutOfMemoryError).
Block* allocate_for_torch(Queue& queue, size_t bytes);

/// The block behind a DataPtr made by this device; nullptr for any other memory and for empty storages.
inline Block* block_of(const c10::DataPtr& data) {
  return data.get_deleter() == &release_block ? static_cast<Block*>(data.get_context()) : nullptr;
}

}  // namespace hologram
