// What a stream has recorded, the lock that keeps it, and how it runs.
#pragma once

#include <atomic>
#include <exception>
#include <utility>
#include <vector>

#include "runtime/fp_mode.h"
#include "runtime/record/batch_launcher.h"
#include "runtime/record/window.h"
#include "runtime/stream_lock.h"

namespace hologram {

class Recorder {
 public:
  explicit Recorder(Backend& backend) : backend_(&backend), launcher_(backend) {}

  StreamLock& lock() { return lock_; }
  bool idle() const { return !busy_.load(std::memory_order_relaxed); }

  void record(Circuit& circuit, Form& form);
  void run_alone(Circuit& circuit, Form& form);
  void flush(Reason reason);
  void flush_if_written(const Block& block, Reason reason);
  void reclaim();

 private:
  /// Runs `action` with the lock held, then releases what it left in released_; `observe`: throws what has failed.
  template <class Action>
  void locked(bool observe, Action action);

  // With the lock held.
  void check_memory();
  void run_window(Reason reason);           // keeps a failure in failure_
  void run_groups(Reason reason);
  void plan(Group& group);
  CircuitRecord& record_of(const Group& group, Reason reason);

  Backend* backend_;
  StreamLock lock_;
  Window window_;
  FpMode mode_ = kStandardFpMode;           // of all ops in the window
  BatchLauncher launcher_;
  std::vector<std::pair<int, int>> order_;  // stage and number of the groups that run
  std::vector<Block*> released_;            // blocks to release once the lock is free
  std::exception_ptr failure_;
  std::vector<CircuitRecord> records_;      // of the window that runs
  std::atomic<bool> busy_{false};           // the window is not empty, or a failure waits
};

}  // namespace hologram
