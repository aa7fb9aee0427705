// A stream takes ops in program order and decides when they run.
//
// Invariants
//  * Deferral cannot be observed but by the clock: a consumer that needs bytes flushes first (flush, before_read, before_write).
//    Storage exists and everything has been checked when an op is submitted; only compilation and scratch memory can
//    fail later.
//  * One open window per stream, shared by all threads under one lock, in which everything runs. No block that may have another
//    owner is released while the lock is held: its deleter may call back.
//  * A block whose address is held outside (Block::exposed) takes no part in recording. Where the host sees memory that
//    kernels still work on (Queue::host_waits), an op on it is waited for when it is submitted.
//  * The first failure of a window ends it: later groups are dropped, their blocks released, and the stream goes on empty.
//    Where no value was asked for, the failure waits for the next caller that asks, and is thrown there, once.
#pragma once

#include <atomic>
#include <memory>

#include "runtime/memory/block.h"
#include "runtime/trace/reason.h"

namespace hologram {

class Queue;
class Recorder;
struct Circuit;
struct IterationSpace;

class Stream {
 public:
  explicit Stream(Queue& queue, int id = 0);
  ~Stream();
  Queue& queue() const { return *queue_; }
  int id() const { return id_; }

  /// Takes a complete op (operands, sizes, nodes, outputs). `circuit` is scratch: it is changed by the call. An operand
  /// without a block is memory its owner watches: the op has run when submit returns.
  void submit(Circuit& circuit);

  /// Everything recorded so far has been given to the queue afterwards.
  void run(Reason reason);
  /// The same for a caller that waits for everything: throws the first failure that has not been told.
  void flush(Reason reason);
  /// The same if some recorded op writes the block, or reads or writes it, for work of the queue itself: it comes later in the
  /// queue. A null block has no owner. Throws where the value of the block is lost (poison.h).
  void order_read(const Block* block, Reason reason = Reason::Library) {
    if (block && block->entry.load(std::memory_order_relaxed)) run_if_written(*block, reason);
  }
  void order_write(const Block* block, Reason reason = Reason::Library) {
    if (block) note_recorded_write(*block);  // a write that fails in the middle is one, too; where it is done it is noted once more
    if (block && block->entry.load(std::memory_order_relaxed)) run_if_used(*block, reason);
  }
  /// The same for the host, which touches the memory when this returns (if it sees the memory at all).
  void before_read(const Block* block, Reason reason = Reason::Library) {
    order_read(block, reason);
    if (__builtin_expect(host_waits_, 0)) wait_for_device();
  }
  void before_write(const Block* block, Reason reason = Reason::Library) {
    order_write(block, reason);
    if (__builtin_expect(host_waits_, 0)) wait_for_device();
  }
  void synchronize();

  /// Memory of the queue. Dead values give theirs back before a large allocation, recorded ops before one fails. Throws
  /// Error::OutOfMemory after everything was tried.
  Block* allocate(size_t bytes);

 private:
  void run_if_written(const Block& block, Reason reason);
  void run_if_used(const Block& block, Reason reason);
  void submit_among_queues(Circuit& circuit, IterationSpace& space);
  void wait_for_device();

  Queue* queue_;
  int id_;
  const bool host_waits_;
  std::unique_ptr<Recorder> recorder_;
};

/// The stream that the calling thread's ops on a backend's device go to.
Stream& current_stream(Queue& queue, int device = 0);

/// Are ops of this thread recorded? A thread can turn it off for a while (no_fusion); calls nest.
bool recording();
void pause_recording();
void resume_recording();

}  // namespace hologram
