#include "runtime/base/counters.h"

#include <algorithm>
#include <vector>

#include "runtime/base/fork.h"
#include "runtime/memory/spin_lock.h"

namespace hologram {

thread_local ThreadCounts* detail::my_counts = nullptr;

namespace {

SpinLock lock;                     // around everything below
Counters ended, at_reset;          // counts of threads that are gone; the sum at the last reset

std::vector<ThreadCounts*>& counting() {
  static auto& threads = *new std::vector<ThreadCounts*>;   // never destroyed: threads may outlive static objects
  return threads;
}

void add(Counters& sum, const ThreadCounts& counts) {
  for (int i = 0; i < kCounters; ++i) sum.values[i] += counts.values[i].load(std::memory_order_relaxed);
}

Counters total() {
  Counters sum = ended;
  for (const ThreadCounts* counts : counting()) add(sum, *counts);
  return sum;
}

/// Hands a thread's counts over when the thread ends.
struct Leaver {
  ThreadCounts* counts = nullptr;
  ~Leaver() {
    lock.lock();
    add(ended, *counts);
    auto& threads = counting();
    threads.erase(std::find(threads.begin(), threads.end(), counts));
    lock.unlock();
    detail::my_counts = nullptr;
    delete counts;
  }
};

}  // namespace

ThreadCounts* detail::start_counting() {
  hold_while_forking(ForkOrder::Counters, [] { lock.lock(); }, [] { lock.unlock(); });
  auto* const counts = new ThreadCounts;
  lock.lock();
  counting().push_back(counts);
  lock.unlock();
  my_counts = counts;
  thread_local Leaver leaver;
  leaver.counts = counts;
  return counts;
}

const char* counter_name(Counter counter) {
  static constexpr const char* names[] = {
#define HOLOGRAM_NAME(name) #name,
      HOLOGRAM_COUNTERS(HOLOGRAM_NAME)
#undef HOLOGRAM_NAME
  };
  return names[static_cast<int>(counter)];
}

Counters read_counters() {
  lock.lock();
  Counters sum = total();
  for (int i = 0; i < kCounters; ++i) sum.values[i] -= at_reset.values[i];
  lock.unlock();
  return sum;
}

void reset_counters() {
  lock.lock();
  at_reset = total();
  lock.unlock();
}

}  // namespace hologram
