// HOLOGRAM_GUARD=1: every block lies in pages of its own and ends (to 64 bytes) at an inaccessible page; freed blocks stay
// inaccessible for a while, and so are blocks that a recorded op has yet to write. A kernel that reads past an end, a stale
// pointer, or a reader that did not wait faults at the instruction at fault.
//
// Threads
//  * Two of them may use one block without waiting for each other: what they read is up to chance, but it is no fault. So a
//    block stays accessible, whatever is recorded on it, while another thread has it pinned.
//  * A thread pins what it asks for (Stream::before_read, before_write) or lets a kernel touch, until its next op. For that a guarded
//    block on which nothing is recorded has kWatched as its entry: each look at it comes by here, and other blocks cost nothing.
#pragma once

#include <cstddef>

#include "runtime/trace/poison.h"

namespace hologram {

constexpr uint16_t kGuarded = 1;   // Block::bin of a linear block that lies outside the pool
inline bool is_guarded(const Block& block) { return block.pool == Block::Pool::Linear && block.bin == kGuarded; }
/// Block::entry where nothing is recorded.
inline uint32_t idle_entry(const Block& block) { return is_guarded(block) ? kWatched : 0; }

struct GuardedRegion {
  char* data = nullptr;      // nullptr: the system refused
  void* base = nullptr;      // to be handed back
};

GuardedRegion guard_allocate(size_t bytes);
void guard_release(Block& block);

// Of blocks of either kind: nothing happens to one that is not guarded.

/// A recorded op will write it: inaccessible until then, unless another thread has it pinned.
void guard_hide(const Block& block);
void guard_reveal(const Block& block);
void guard_pin(const Block& block);
/// The calling thread begins another op.
void guard_unpin_all();

}  // namespace hologram
