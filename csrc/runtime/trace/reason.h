#pragma once

#include <cstdint>

namespace hologram {

/// Why a window ran.
enum class Reason : uint8_t {
  Read,          // the host read a value
  Library,       // a library's kernel needed a value or wrote over one
  Pointer,       // an address left the device
  Full,          // as many ops as a window takes
  Memory,        // memory was waiting to be freed
  Synchronize,   // synchronize, an event or a stream asked for it
  Immediate,     // HOLOGRAM_SYNC, HOLOGRAM_FUSION=0 or no_fusion()
  Switch,        // another backend, or recording was turned off
};
}  // namespace hologram
