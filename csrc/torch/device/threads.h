// Lends torch's thread pool to the runtime, so that compiled kernels and library calls share threads.
#pragma once

namespace hologram {

void install_parallel_hook();

/// Before a kernel of torch runs: in a child of fork it gets one thread. OpenMP's workers stay behind in the parent, and a
/// parallel region would wait for them for ever.
void settle_after_fork();

}  // namespace hologram
