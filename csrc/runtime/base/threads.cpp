#include "runtime/base/threads.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "runtime/base/fp_mode.h"

namespace hologram {
namespace {

std::atomic<ParallelFn> hook_run{nullptr};
std::atomic<int (*)()> hook_threads{nullptr};
std::atomic<int> wanted{0};            // 0: one per core
thread_local bool inside = false;      // this thread runs a task: what it starts runs serially

void run_serially(int tasks, TaskFn body, void* context) {
  for (int task = 0; task < tasks; ++task) body(context, task);
}

// One job at a time. `ticket` holds the job's generation and its next task: a worker that was late for a job cannot take
// a task of the following one, because its compare-and-swap expects the old generation.
class Pool {
 public:
  void run(int tasks, TaskFn body, void* context) {
    std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
    if (!owner) return run_serially(tasks, body, context);   // another thread's job keeps the workers busy
    start_workers(tasks - 1);
    const uint64_t last = ticket_.load(std::memory_order_relaxed) >> kTaskBits;
    ticket_.store(last << kTaskBits | kNoTask);   // before the job changes: no thread takes a task while it does
    tasks_.store(tasks, std::memory_order_release);
    body_.store(body, std::memory_order_relaxed);
    context_.store(context, std::memory_order_relaxed);
    finished_.store(0, std::memory_order_relaxed);
    ticket_.store((last + 1) << kTaskBits);
    if (sleepers_.load()) {
      { std::lock_guard<std::mutex> hold(sleep_); }
      wake_.notify_all();
    }
    work(last + 1);
    for (int spins = 0; finished_.load(std::memory_order_acquire) != tasks; ++spins)
      if (spins > kSpins) std::this_thread::yield();
  }

 private:
  static constexpr int kTaskBits = 16;
  static constexpr uint64_t kNoTask = (1 << kTaskBits) - 1;
  static constexpr int kSpins = 2000;   // a few microseconds: the next job of a busy stream comes sooner than a wake-up

  void start_workers(int n) {
    for (; workers_ < n; ++workers_) {
      try {
        std::thread([this, seen = ticket_.load() >> kTaskBits] { work_on_tasks(seen); }).detach();
      } catch (const std::system_error&) {
        return;   // fewer threads: the ones there are take all tasks
      }
    }
  }

  void work_on_tasks(uint64_t seen) {
    inside = true;
    for (;;) {
      int spins = 0;
      while (generation() == seen && ++spins < kSpins) {
      }
      if (generation() == seen) {
        std::unique_lock<std::mutex> hold(sleep_);
        ++sleepers_;
        wake_.wait(hold, [&] { return generation() != seen; });
        --sleepers_;
      }
      seen = generation();
      work(seen);
    }
  }

  uint64_t generation() const { return ticket_.load() >> kTaskBits; }

  void work(uint64_t generation) {
    for (;;) {
      uint64_t ticket = ticket_.load(std::memory_order_acquire);
      const int tasks = tasks_.load(std::memory_order_acquire);
      const TaskFn body = body_.load(std::memory_order_relaxed);
      void* const context = context_.load(std::memory_order_relaxed);
      const int task = static_cast<int>(ticket & kNoTask);
      if (ticket >> kTaskBits != generation || task >= tasks) return;
      if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
      body(context, task);
      finished_.fetch_add(1, std::memory_order_release);
    }
  }

  std::mutex owner_, sleep_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0}, finished_{0}, tasks_{0};
  std::atomic<uint64_t> ticket_{0};
  std::atomic<TaskFn> body_{nullptr};
  std::atomic<void*> context_{nullptr};
  int workers_ = 0;
};

// Never destroyed: its threads run until the process ends. A child of fork has none of them and starts a pool of its own.
std::atomic<Pool*> pool{nullptr};

Pool& own_pool() {
  if (Pool* p = pool.load(std::memory_order_acquire)) return *p;
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    pool.store(nullptr);
    inside = false;
  });
  (void)registered;
  Pool* fresh = new Pool;
  Pool* expected = nullptr;
  if (pool.compare_exchange_strong(expected, fresh)) return *fresh;
  delete fresh;
  return *expected;
}

/// A body that computes in the mode of the thread that called for it: each worker has a mode of its own, that of the thread
/// which happened to start it.
struct InMode {
  TaskFn body;
  void* context;
  FpMode mode;
};

void run_in_mode(void* context, int task) {
  const InMode& job = *static_cast<const InMode*>(context);
  const FpScope scope(job.mode);
  job.body(job.context, task);
}

}  // namespace

void set_parallel_hook(ParallelFn run, int (*threads)()) {
  hook_threads.store(run ? threads : nullptr, std::memory_order_release);
  hook_run.store(run, std::memory_order_release);
}

void set_num_threads(int n) { wanted.store(std::clamp(n, 0, 1 << 10), std::memory_order_relaxed); }

int max_threads() {
  if (auto threads = hook_threads.load(std::memory_order_acquire)) return std::max(1, threads());
  if (inside) return 1;
  if (const int n = wanted.load(std::memory_order_relaxed)) return n;
  static const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return cores;
}

void parallel_run(int tasks, TaskFn body, void* context) {
  if (tasks <= 1 || inside) return run_serially(tasks, body, context);
  InMode job{body, context, fp_mode()};
  if (ParallelFn run = hook_run.load(std::memory_order_acquire)) return run(tasks, &run_in_mode, &job);
  inside = true;
  own_pool().run(tasks, &run_in_mode, &job);
  inside = false;
}

}  // namespace hologram
