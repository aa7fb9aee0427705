// Lends torch's thread pool to the runtime, so that compiled kernels and library calls share threads.
#pragma once

namespace hologram {

void install_parallel_hook();

/// Before a kernel of torch runs, or anything else takes the host's address of a tensor: in a child of fork the calling thread, and
/// those that start later, get one thread. OpenMP's workers stay behind in the parent, and a parallel region (torch's, MKL's,
/// oneDNN's) would wait for them for ever. A child that does not use the device keeps torch's number.
void limit_threads_after_fork();

}  // namespace hologram
