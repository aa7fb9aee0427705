// A stream takes ops in program order and decides when they run.
//
// Invariants
//  * Deferral cannot be observed but by the clock: whoever needs bytes flushes first (flush, before_read, before_write).
//    Storage exists and everything has been checked when an op is submitted; only compilation and scratch memory can
//    fail later.
//  * One open window per stream, shared by all threads under one lock, in which everything runs. No block that somebody else
//    may own is released while the lock is held: its deleter may call back.
//  * A block whose address somebody outside holds (Block::exposed) takes no part in recording.
//  * The first failure of a window ends it: later groups are dropped, their blocks released, and the stream goes on empty.
//    Where nobody was asking for a value, the failure waits for the next one who does, and is thrown there, once.
#pragma once

#include <exception>
#include <vector>

#include "runtime/circuit.h"
#include "runtime/record/batch_launcher.h"
#include "runtime/record/history.h"
#include "runtime/record/window.h"
#include "runtime/stream_lock.h"

namespace hologram {

class Backend;

class Stream {
 public:
  explicit Stream(Backend& backend, int id = 0);
  ~Stream();
  Backend& backend() const { return *backend_; }
  int id() const { return id_; }

  /// Takes a complete op (operands, sizes, nodes, outputs). `circuit` is scratch: it is changed by the call. An operand
  /// without a block is memory its owner watches: the op has run when submit returns.
  void submit(Circuit& circuit);

  /// Everything recorded so far is visible to the host afterwards. Throws what failed.
  void flush(Reason reason);
  /// The same if some recorded op writes the block, or reads or writes it. A null block is nobody's.
  void before_read(const Block* block, Reason reason = Reason::Library) {
    if (block && block->entry.load(std::memory_order_relaxed)) flush_if_written(*block, reason);
  }
  void before_write(const Block* block, Reason reason = Reason::Library) {
    if (block && block->entry.load(std::memory_order_relaxed)) flush(reason);
  }
  void synchronize();

  /// Before a large allocation: makes dead values give their memory back.
  void reclaim();

 private:
  void run_alone(Circuit& circuit, Form& form);
  void record(Circuit& circuit, Form& form);
  void flush_if_written(const Block& block, Reason reason);
  /// Runs `action` with the lock held, then releases what it left in released_; `observe`: throws what has failed.
  template <class Action>
  void locked(bool observe, Action action);

  // With the lock held.
  void check_memory();
  void run_window(Reason reason);           // keeps a failure in failure_
  void run_groups(Reason reason);

  Backend* backend_;
  int id_;
  StreamLock lock_;
  Window window_;
  BatchLauncher launcher_;
  std::vector<int> stages_;                 // of the groups that run
  std::vector<Block*> released_;            // blocks to release once the lock is free
  std::exception_ptr failure_;
  std::atomic<bool> recorded_{false};       // the window is not empty, or a failure waits
  uint64_t windows_ = 0;
};

/// The stream that the calling thread's ops on a backend's device go to.
Stream& current_stream(Backend& backend, int device = 0);

/// Are ops of this thread recorded? A thread can turn it off for a while (no_fusion); calls nest.
bool recording();
void pause_recording();
void resume_recording();

}  // namespace hologram
