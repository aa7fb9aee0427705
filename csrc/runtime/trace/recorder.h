// What a stream has recorded, the lock that keeps it, and how it runs.
//
// Failures
//  * A group that cannot be planned, compiled or launched loses the values it would have stored (of a kernel that cannot be made,
//    those that need the op at fault), and so does each later group that reads one of them from memory. Every other group runs.
//  * A value that is lost and still known outside the window poisons its block (poison.h): each read of it throws.
//  * A caller that waits for everything (flush) is told once of the first failure that no read has thrown.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/base/fp_mode.h"
#include "runtime/trace/batch_launcher.h"
#include "runtime/trace/trace_graph.h"
#include "runtime/trace/stream_lock.h"

namespace hologram {

class Recorder {
 public:
  explicit Recorder(Queue& queue) : queue_(&queue), launcher_(queue) {}

  StreamLock& lock() { return lock_; }
  bool idle() const { return !busy_.load(std::memory_order_relaxed); }

  void record(Circuit& circuit, IterationSpace& space);
  void run_alone(Circuit& circuit, IterationSpace& space);
  void run(Reason reason);
  void flush(Reason reason);
  void run_if_written(const Block& block, Reason reason);
  void reclaim();

 private:
  /// Runs `action` with the lock held, then releases what it left in released_; `observe`: throws what has failed.
  template <class Action>
  void locked(bool observe, Action action);

  // With the lock held.
  void check_memory();
  void run_window(Reason reason);           // keeps a failure in failure_
  void run_groups(Reason reason);
  void run_group(int g, CircuitRecord& record);
  void launch_collected();
  void take_losses();                       // of what was launched
  int number_of(const std::exception_ptr& error);
  void lose(int g, const std::exception_ptr& error);
  void lose(int g, int failure);
  void note_times();                        // of the records, where they were taken
  CircuitRecord& record_of(const FusionGroup& group, Reason reason);

  Queue* queue_;
  StreamLock lock_;
  TraceGraph window_;
  FpMode mode_ = kStandardFpMode;           // of all ops in the window
  BatchLauncher launcher_;
  std::vector<std::pair<int, int>> order_;  // stage and number of the groups that run
  std::vector<Block*> released_;            // blocks to release once the lock is free
  std::shared_ptr<Failure> failure_;        // the first since a caller was told
  std::vector<std::shared_ptr<Failure>> failures_;   // of the window that runs
  std::vector<std::pair<int, Block*>> written_; // group, and a block that it writes: planning changes circuits
  std::vector<CircuitRecord> records_;      // of the window that runs
  std::vector<OperandRecord> operands_;     // of its records
  std::atomic<bool> busy_{false};           // the window is not empty, or a failure waits
};

}  // namespace hologram
