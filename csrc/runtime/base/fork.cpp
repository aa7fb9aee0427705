#include "runtime/base/fork.h"

#include <pthread.h>

#include <atomic>

namespace hologram {
namespace {

constexpr int kCount = static_cast<int>(ForkOrder::Count);

struct Holder {
  std::atomic<void (*)()> lock{nullptr}, unlock{nullptr};
  void (*locked)() = nullptr;   // what ends the hold of this fork
};
Holder holders[kCount];

void before() {
  for (Holder& h : holders) {
    void (*const lock)() = h.lock.load();
    h.locked = lock ? h.unlock.load() : nullptr;
    if (lock) lock();
  }
}

void after() {
  for (int i = kCount - 1; i >= 0; --i)
    if (holders[i].locked) holders[i].locked();
}

}  // namespace

void hold_while_forking(ForkOrder order, void (*lock)(), void (*unlock)()) {
  static const int registered = pthread_atfork(&before, &after, &after);
  (void)registered;
  Holder& h = holders[static_cast<int>(order)];
  h.unlock.store(unlock);
  h.lock.store(lock);
}

}  // namespace hologram
