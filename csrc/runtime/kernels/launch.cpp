#include "runtime/kernels/launch.h"

#include <algorithm>
#include <chrono>

#include "runtime/base/counters.h"
#include "runtime/base/threads.h"
#include "runtime/device/queue.h"
#include "runtime/kernels/kernel.h"
#include "runtime/kernels/launch_log.h"

namespace hologram {
namespace {

// Waking a second thread costs 2 to 8 microseconds: a launch is split when every thread gets more work than that.
constexpr double kThreadNs = 8000;

struct Job {
  const Kernel* kernel;
  void* const* operands;
  const int64_t* args;
  int64_t n, part;
};

void run_part(void* context, int task) {
  const Job& job = *static_cast<const Job*>(context);
  const int64_t begin = task * job.part, end = std::min(job.n, begin + job.part);
  if (begin < end) job.kernel->fn(job.operands, job.args, begin, end);
}

int threads_for(const Kernel& kernel, int64_t n, double work) {
  const int64_t pieces = (n + kernel.grain - 1) / kernel.grain;
  const double worth = std::min({work / kThreadNs, static_cast<double>(pieces), static_cast<double>(max_threads())});
  return std::max(1, static_cast<int>(worth));
}

void run(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int threads) {
  if (threads == 1) return kernel.fn(operands, args, 0, n);
  add_to(Counter::parallel_launches);
  const int64_t even = (n + threads - 1) / threads, grain = kernel.grain;
  Job job{&kernel, operands, args, n, (even + grain - 1) / grain * grain};
  parallel_run(threads, &run_part, &job);
}

int64_t since_the_epoch() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void run_logged(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int64_t per_item, int threads) {
  const int64_t started = since_the_epoch();
  const auto start = std::chrono::steady_clock::now();
  run(kernel, operands, args, n, threads);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  log_launch({&kernel, n, per_item, threads, took.count(), started});
}

/// On how many threads so many elements are worth running.
int threads_worth(const Kernel& kernel, double elements) {
  return std::max(1, static_cast<int>(std::min(elements * kernel.cost / kThreadNs, static_cast<double>(max_threads()))));
}

// ---- several launches of one kernel ----

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

void run_all(const Kernel& kernel, const Launch* launches, int count, int64_t elements, int threads) {
  if (threads > 1) {
    add_to(Counter::parallel_launches);
    Many many{&kernel, launches, count, (elements + threads - 1) / threads};
    return parallel_run(threads, &run_share, &many);
  }
  for (int i = 0; i < count; ++i)
    if (launches[i].items > 0) kernel.fn(launches[i].operands, launches[i].args, 0, launches[i].items);
}

}  // namespace

void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int64_t elements_per_item) {
  if (n <= 0) return;
  add_to(Counter::launched);
  kernel.launches.store(kernel.launches.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const double work = static_cast<double>(n) * static_cast<double>(std::max<int64_t>(elements_per_item, 1)) * kernel.cost;
  const int threads = work < 2 * kThreadNs ? 1 : threads_for(kernel, n, work);
  if (__builtin_expect(launch_logged(), 0)) return run_logged(kernel, operands, args, n, elements_per_item, threads);
  run(kernel, operands, args, n, threads);
}

void launch_many(const Kernel& kernel, const Launch* launches, int count) {
  int64_t elements = 0;
  for (int i = 0; i < count; ++i) elements += launches[i].items * per_item(launches[i]);
  if (elements == 0) return;
  add_to(Counter::launched);
  kernel.launches.store(kernel.launches.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const int threads = threads_worth(kernel, static_cast<double>(elements));
  if (!launch_logged()) return run_all(kernel, launches, count, elements, threads);
  const int64_t started = since_the_epoch();
  const auto start = std::chrono::steady_clock::now();
  run_all(kernel, launches, count, elements, threads);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  log_launch({&kernel, elements, 1, threads, took.count(), started});
}

}  // namespace hologram
