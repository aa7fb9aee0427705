// The Metal backend: shared memory, kernels as text in Metal's language, the system's frameworks found when the program runs.
#pragma once

#include <string>

#include "runtime/backend.h"

namespace hologram {

/// Lane 0 of the first device; nullptr without one. Opens the device. Throws Error where that fails.
Backend* metal_backend();
/// Why there is none; empty when there is one. Asks the system for its devices, but opens none.
std::string metal_reason();
/// The same as far as it can be told without asking for devices, after which a process should not fork.
std::string metal_library_reason();
/// Is this a child of fork whose parent had opened a device? It can use none.
bool metal_lost_by_fork();

}  // namespace hologram
