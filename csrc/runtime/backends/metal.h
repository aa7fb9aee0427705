// The Metal backend: shared memory, kernels as text in Metal's language, the system's frameworks found when the program runs.
#pragma once

#include <string>
#include <utility>

#include "runtime/device/queue.h"

namespace hologram {

/// Queue 0 of the first device; nullptr without one. Opens the device. Throws Error where that fails.
Queue* metal_backend();
/// Why there is none; empty when there is one. Asks the system for its devices, but opens none.
std::string metal_reason();
/// The same as far as it can be told without asking for devices, after which a process should not fork.
std::string metal_library_reason();
/// Is this a child of fork whose parent had opened a device? It can use none.
bool metal_lost_by_fork();

// For libraries that fill command buffers of their own for the same device (torch's MPS). They know memory by its MTLBuffer,
// and their queue knows nothing of ours. `queue` is one of this backend's.
namespace metal {

/// The MTLBuffer that holds an address of the device's memory, and the distance from its beginning. {nullptr, 0}: none does.
std::pair<void*, size_t> buffer_of(Queue& queue, const void* data);
/// Makes a library's MTLBuffer known to kernels. Returns its address; nullptr where the host does not see its memory.
void* adopt_buffer(Queue& queue, void* buffer, size_t bytes);
/// No kernel gets an address of it any more.
void forget_buffer(Queue& queue, void* data) noexcept;
/// What is encoded into a library's command buffer from now on comes after what the queue was given so far.
void lead(Queue& queue, void* command_buffer);
/// What the queue is given from now on comes after what is encoded in a library's command buffer, which is to be committed.
void follow(Queue& queue, void* command_buffer);

}  // namespace metal
}  // namespace hologram
