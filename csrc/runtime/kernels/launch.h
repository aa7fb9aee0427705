// Runs kernels on the host's threads: one launch, or many small ones as one piece of work.
#pragma once

#include <cstdint>

namespace hologram {

struct Kernel;
struct Launch;

/// Runs `kernel` over [0, n) items of `elements_per_item` elements, on as many threads as pay.
void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int64_t elements_per_item = 1);

/// Runs independent launches of one kernel, as of the small updates of many parameters, their work shared out over the threads.
void launch_many(const Kernel& kernel, const Launch* launches, int count);

}  // namespace hologram
