// Lends torch's thread pool to the runtime, so that compiled kernels and library calls share threads.
#pragma once

namespace hologram {

void install_parallel_hook();

}  // namespace hologram
