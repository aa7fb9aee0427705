// HOLOGRAM_GUARD=1: every block lies in pages of its own and ends (to 64 bytes) at an inaccessible page; freed blocks stay
// inaccessible for a while. A kernel that reads past an end or a stale pointer faults at the instruction at fault.
#pragma once

#include <cstddef>

namespace hologram {

struct GuardedRegion {
  char* data = nullptr;      // nullptr: the system refused
  void* base = nullptr;      // to be handed back
};

GuardedRegion guard_allocate(size_t bytes);
void guard_release(void* base, size_t bytes);

}  // namespace hologram
