// Autograd's device threads at the end of a process.
#pragma once

namespace hologram {

/// Called by the device guard: autograd's threads announce themselves by choosing their device.
void note_device_thread() noexcept;

/// Waits until autograd's device threads hold no Python object of a backward pass that is over. A thread drops the graph of
/// the pass after the pass has returned; when Python shuts down in between, the thread is ended in the middle of a
/// destructor and takes the process with it ("terminate called without an active exception"). Call it before Python
/// shuts down, without the GIL.
void settle_device_threads();

}  // namespace hologram
