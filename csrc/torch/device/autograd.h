// Autograd's device threads: that the CPU backend does without them, and the end of a process that has them.
#pragma once

namespace hologram {

/// From now on, passes that begin in C++ run on the calling thread where autograd has no thread for the device. Once is enough.
void watch_passes();

/// The CPU backend has no use for threads of autograd, and a process that has them cannot run a pass in a forked child. To be called
/// before each pass, after torch's engine of a child has taken the place of its parent's (which Python sees to).
void decline_device_threads();

/// Called by the device guard: autograd's threads announce themselves by choosing their device.
void note_device_thread() noexcept;

/// Waits until autograd's device threads hold no Python object of a backward pass that is over. A thread drops the graph of
/// the pass after the pass has returned; when Python shuts down in between, the thread is ended in the middle of a
/// destructor and takes the process with it ("terminate called without an active exception"). Call it before Python
/// shuts down, without the GIL.
void drain_device_threads();

}  // namespace hologram
