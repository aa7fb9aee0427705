// The lock of a stream. Whoever holds it may have to compile, which takes Python's lock; whoever waits for it may hold
// Python's lock. So a waiter lets go of that one first (the hooks, installed by the bindings).
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

namespace hologram {

struct WaitHooks {
  void* (*leave)() = nullptr;         // before a wait; what it returns goes to `enter`
  void (*enter)(void*) = nullptr;     // after it
};
void set_wait_hooks(WaitHooks hooks);

class StreamLock {
 public:
  void lock() {
    if (!mutex_.try_lock()) wait();
    owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  void unlock() noexcept {
    owner_.store(std::thread::id(), std::memory_order_relaxed);
    mutex_.unlock();
  }
  /// Is the calling thread inside? Then it came back through the compiler.
  bool mine() const { return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

 private:
  void wait();

  std::mutex mutex_;
  std::atomic<std::thread::id> owner_{};
};

}  // namespace hologram
