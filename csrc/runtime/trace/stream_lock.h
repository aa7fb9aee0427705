// The lock of a stream. Its holder may have to compile, which takes Python's lock; a thread that waits for it may hold
// Python's lock. So a waiter lets go of that one first (the hooks, installed by the bindings).
//
// Mostly no thread waits: then locking is one exchange, where a mutex costs a call and more.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace hologram {

struct WaitHooks {
  void* (*leave)() = nullptr;         // before a wait; what it returns goes to `enter`
  void (*enter)(void*) = nullptr;     // after it
};
void set_wait_hooks(WaitHooks hooks);

/// While it lives, the calling thread works for one that holds a stream's lock and waits: it must not wait for such a lock itself.
struct WorksForHolder {
  WorksForHolder();
  ~WorksForHolder();
};

class StreamLock {
 public:
  void lock() {
    int free = kFree;
    if (!state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire)) wait();
    owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  void unlock() {
    owner_.store(std::thread::id(), std::memory_order_relaxed);
    if (state_.exchange(kFree, std::memory_order_release) == kAwaited) wake();
  }
  /// Is the calling thread inside? Then it came back through the compiler, or through a kernel.
  bool mine() const { return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

 private:
  enum : int { kFree, kHeld, kAwaited };   // kAwaited: held, and a thread may sleep

  void wait();
  void wake();

  std::atomic<int> state_{kFree};
  std::atomic<std::thread::id> owner_{};
  std::mutex sleep_;
  std::condition_variable awake_;
};

}  // namespace hologram
