// The CUDA backend: device memory, PTX, libcuda found when the program runs.
#pragma once

#include <string>

#include "runtime/device/queue.h"

namespace hologram {

/// Queue 0 of the first device; nullptr without one. Opens the device. Throws Error where that fails.
Queue* cuda_backend();
/// Why there is none; empty when there is one. Asks the driver, but opens no device.
std::string cuda_reason();
/// The same as far as it can be told without starting the driver, after which a process should not fork.
std::string cuda_library_reason();
/// Is this a child of fork whose parent had started the driver? It can use no device.
bool cuda_lost_by_fork();

}  // namespace hologram
