// Pinned host memory for pin_memory() and non-blocking copies.
#pragma once

#include <ATen/core/CachingHostAllocator.h>

namespace hologram {

at::HostAllocator& pinned_allocator();
/// Does `data` point into memory of the pinned allocator?
bool is_pinned(const void* data);

}  // namespace hologram
