#include "torch/device/threads.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include "runtime/base/threads.h"
#include "torch/device/device.h"

namespace hologram {
namespace {

// torch runs its own loops on the OpenMP pool of the libgomp it was linked with (wheels bundle one under a mangled
// name). Linking libgomp here could load a second copy with a second pool of threads competing for the same cores;
// these entry points are therefore looked up through libtorch_cpu, whose dependencies dlsym searches.
using GompParallel = void (*)(void (*body)(void*), void* context, unsigned threads, unsigned flags);
using OmpQuery = int (*)();

struct OpenMP {
  GompParallel parallel = nullptr;
  OmpQuery in_parallel = nullptr, thread = nullptr, threads = nullptr;
};

const OpenMP& openmp() {
  static const OpenMP found = [] {
    OpenMP omp;
    Dl_info info{};
    if (!dladdr(reinterpret_cast<const void*>(&at::get_num_threads), &info) || !info.dli_fname) return omp;
    void* torch_cpu = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY);
    if (!torch_cpu) return omp;
    const auto query = [&](const char* name) { return reinterpret_cast<OmpQuery>(dlsym(torch_cpu, name)); };
    omp.in_parallel = query("omp_in_parallel");
    omp.thread = query("omp_get_thread_num");
    omp.threads = query("omp_get_num_threads");
    if (omp.in_parallel && omp.thread && omp.threads) {
      omp.parallel = reinterpret_cast<GompParallel>(dlsym(torch_cpu, "GOMP_parallel"));
    }
    return omp;
  }();
  return found;
}

struct Job {
  TaskFn body;
  void* context;
  int tasks;
};

// OpenMP may grant fewer threads than asked for: each takes every threads-th task.
void run_share(void* context) {
  const Job& job = *static_cast<const Job*>(context);
  const OpenMP& omp = openmp();
  const int step = omp.threads();
  for (int task = omp.thread(); task < job.tasks; task += step) job.body(job.context, task);
}

void run_serially(int tasks, TaskFn body, void* context) {
  for (int task = 0; task < tasks; ++task) body(context, task);
}

void run_parallel(int tasks, TaskFn body, void* context) {
  // A child of fork has no OpenMP workers, yet OpenMP would wait for them: it runs alone.
  if (tasks <= 1 || in_forked_child() || openmp().in_parallel()) return run_serially(tasks, body, context);
  Job job{body, context, tasks};
  openmp().parallel(&run_share, &job, static_cast<unsigned>(tasks), 0);
}

int torch_threads() { return in_forked_child() || openmp().in_parallel() ? 1 : at::get_num_threads(); }

}  // namespace

void limit_threads_after_fork() {
  if (C10_LIKELY(!in_forked_child())) return;
  // Asked each time: the number belongs to a thread, and may have been set since.
  if (at::get_num_threads() != 1) at::set_num_threads(1);
}

void install_parallel_hook() {
  // Without OpenMP's entry points (macOS) the runtime's own pool runs the tasks.
  if (openmp().parallel) set_parallel_hook(&run_parallel, &torch_threads);
  else set_num_threads(at::get_num_threads());
}

}  // namespace hologram
