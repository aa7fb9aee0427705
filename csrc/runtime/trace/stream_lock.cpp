#include "runtime/trace/stream_lock.h"

#include "runtime/base/error.h"

namespace hologram {
namespace {

std::atomic<void* (*)()> leave_hook{nullptr};
std::atomic<void (*)(void*)> enter_hook{nullptr};

thread_local int working = 0;

}  // namespace

void set_wait_hooks(WaitHooks hooks) {
  leave_hook.store(hooks.leave);
  enter_hook.store(hooks.enter);
}

WorksForHolder::WorksForHolder() { ++working; }
WorksForHolder::~WorksForHolder() { --working; }

void StreamLock::wait() {
  HG_CHECK(!mine() && !working, "hologram: an op was called from inside the compiler, whose caller waits for it. "
                                "Call it before or after.");
  for (int spins = 0; spins < 100; ++spins) {
    int free = kFree;
    if (state_.compare_exchange_weak(free, kHeld, std::memory_order_acquire)) return;
  }
  const auto leave = leave_hook.load();
  const auto enter = enter_hook.load();
  void* const state = leave ? leave() : nullptr;
  {
    // A thread that finds the lock free here marks it as awaited all the same: others may sleep.
    std::unique_lock<std::mutex> hold(sleep_);
    while (state_.exchange(kAwaited, std::memory_order_acquire) != kFree) awake_.wait(hold);
  }
  if (enter) enter(state);
}

void StreamLock::wake() {
  std::lock_guard<std::mutex> hold(sleep_);
  awake_.notify_one();
}

}  // namespace hologram
