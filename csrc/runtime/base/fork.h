// What must be held while the process forks: a child must not inherit a lock that another thread of its parent held.
#pragma once

namespace hologram {

/// The order in which locks are taken everywhere: the holder of a later one never waits for an earlier one.
enum class ForkOrder { Stream, KernelCache, Memory, Poison, Guard, Counters, Count };

/// Both functions run around every fork from now on, `unlock` in parent and child.
void hold_while_forking(ForkOrder order, void (*lock)(), void (*unlock)());

}  // namespace hologram
