// For libraries that fill command buffers of their own for a device of the Metal backend (torch's MPS). They know memory by its
// MTLBuffer, and their queue knows nothing of ours. `queue` is one of this backend's.
#pragma once

#include <cstddef>
#include <utility>

#include "runtime/device/queue.h"

namespace hologram::metal {

/// The MTLBuffer that holds an address of the device's memory, and the distance from its beginning. {nullptr, 0}: none does.
std::pair<void*, size_t> buffer_of(const Queue& queue, const void* data);
/// Makes a library's MTLBuffer known to kernels. Returns its address; nullptr where the host does not see its memory.
void* adopt_buffer(const Queue& queue, void* buffer, size_t bytes);
/// No kernel gets an address of it any more.
void forget_buffer(const Queue& queue, void* data) noexcept;
/// What is encoded into a library's command buffer from now on comes after what the queue was given so far.
void lead(Queue& queue, void* command_buffer);
/// What the queue is given from now on comes after what is encoded in a library's command buffer, which is to be committed.
void follow(Queue& queue, void* command_buffer);

}  // namespace hologram::metal
