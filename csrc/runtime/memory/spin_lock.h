// The lock of the pools: they hold it for tens of nanoseconds and never across a system call or a callback.
#pragma once

#include <atomic>
#include <thread>

namespace hologram {

class SpinLock {
 public:
  void lock() noexcept {
    while (held_.exchange(true, std::memory_order_acquire)) wait();
  }
  void unlock() noexcept { held_.store(false, std::memory_order_release); }

 private:
  // A holder that lost its core must get it back: after a short spin the waiter gives its own away.
  void wait() noexcept {
    for (int spins = 0; held_.load(std::memory_order_relaxed); ++spins)
      if (spins > 100) std::this_thread::yield();
  }

  std::atomic<bool> held_{false};
};

}  // namespace hologram
