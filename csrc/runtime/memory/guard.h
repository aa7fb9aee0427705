// HOLOGRAM_GUARD=1: every block lies in pages of its own and ends (to 64 bytes) at an inaccessible page; freed blocks stay
// inaccessible for a while, and so are blocks that a recorded op has yet to write. A kernel that reads past an end, a stale
// pointer, or a reader that did not wait faults at the instruction at fault.
#pragma once

#include <cstddef>

namespace hologram {

struct GuardedRegion {
  char* data = nullptr;      // nullptr: the system refused
  void* base = nullptr;      // to be handed back
};

GuardedRegion guard_allocate(size_t bytes);
void guard_release(void* base, size_t bytes);
void guard_protect(void* base, size_t bytes, bool accessible);

struct Block;
/// The same for a block of either kind: nothing happens to one that is not guarded.
void set_accessible(const Block& block, bool accessible);

}  // namespace hologram
