// Several launches of one kernel at once: the small updates of many parameters are one piece of work, not many.
#include <algorithm>
#include <chrono>

#include "runtime/device/queue.h"
#include "runtime/base/counters.h"
#include "runtime/kernels/kernel.h"
#include "runtime/kernels/launch_log.h"
#include "runtime/base/threads.h"

namespace hologram {
namespace {

struct Many {
  const Kernel* kernel;
  const Launch* launches;
  int count;
  int64_t share;           // elements per task
};

int64_t per_item(const Launch& l) { return std::max<int64_t>(l.elements_per_item, 1); }

/// Task `task` takes the elements from task * share on; a launch is cut at multiples of the kernel's grain.
void run_share(void* context, int task) {
  const Many& many = *static_cast<const Many*>(context);
  int64_t from = task * many.share, to = from + many.share;
  for (int i = 0; i < many.count && to > 0; ++i) {
    const Launch& l = many.launches[i];
    const int64_t size = l.items * per_item(l), grain = many.kernel->grain;
    const auto item = [&](int64_t element) {
      return element <= 0 ? 0 : element >= size ? l.items : element / per_item(l) / grain * grain;
    };
    const int64_t begin = item(from), end = item(to);
    if (begin < end) many.kernel->fn(l.operands, l.args, begin, end);
    from -= size;
    to -= size;
  }
}

void run(const Kernel& kernel, const Launch* launches, int count, int64_t elements, int threads) {
  if (threads > 1) {
    add_to(Counter::parallel_launches);
    Many many{&kernel, launches, count, (elements + threads - 1) / threads};
    return parallel_run(threads, &run_share, &many);
  }
  for (int i = 0; i < count; ++i)
    if (launches[i].items > 0) kernel.fn(launches[i].operands, launches[i].args, 0, launches[i].items);
}

}  // namespace

void launch_many(const Kernel& kernel, const Launch* launches, int count) {
  int64_t elements = 0;
  for (int i = 0; i < count; ++i) elements += launches[i].items * per_item(launches[i]);
  if (elements == 0) return;
  add_to(Counter::launched);
  kernel.launches.store(kernel.launches.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const int threads = threads_worth(kernel, static_cast<double>(elements));
  if (!launch_logged()) return run(kernel, launches, count, elements, threads);
  const auto start = std::chrono::steady_clock::now();
  run(kernel, launches, count, elements, threads);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  log_launch({&kernel, elements, 1, threads, took.count()});
}

}  // namespace hologram
