// parallel_for over whatever thread pool the host program already has.
#pragma once

#include <cstdint>

namespace hologram {

/// Runs body(context, task) for every task in [0, tasks), tasks <= max_threads(). Must not throw.
using TaskFn = void (*)(void* context, int task);
using ParallelFn = void (*)(int tasks, TaskFn body, void* context);

/// The torch extension injects torch's OpenMP pool, so that our kernels and MKL share threads.
/// Without a hook the runtime's own pool runs the tasks.
void set_parallel_hook(ParallelFn run, int (*max_threads)());
void parallel_run(int tasks, TaskFn body, void* context);
int max_threads();
void set_num_threads(int n);   // for the runtime's own pool

}  // namespace hologram
