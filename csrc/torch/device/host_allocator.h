// Pinned host memory for pin_memory() and non-blocking copies.
#pragma once

#include <ATen/core/CachingHostAllocator.h>

#include "runtime/device/queue.h"

namespace hologram {

at::HostAllocator& pinned_allocator();
/// Does `data` point into memory of the pinned allocator?
bool is_pinned(const void* data);
/// Work that was just submitted to `queue` uses the pinned memory that `data` points into: it is not reused before.
void note_pinned_use(const void* data, Queue& queue);

}  // namespace hologram
