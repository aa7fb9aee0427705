// What one MTLCommandQueue has been given: the command buffer being filled, those under way, and the waiting for them.
//
// Invariants
//  * One compute encoder stays open over many launches. It is serial: each dispatch sees what those before it wrote. Between
//    encoders, and between command buffers of the queue, Metal keeps the order of what touches the same buffer only for buffers
//    that it knows the encoder touches. Operands are bare addresses: every buffer behind one is declared (useResource) in every
//    encoder that touches it.
//  * Order between queues is by events only.
//  * A command buffer is committed when it is full, when a caller waits, and when an event is recorded: whatever a queue
//    waits for has been committed.
//  * A part of the ring is used again only after the queue has been waited for.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include "runtime/backends/metal/device.h"

namespace hologram::metal {

/// A point in a queue: the command buffer that ends there, and a value that an MTLSharedEvent gets there.
struct Mark {
  Owned event, buffer;
  uint64_t value = 0;

  bool done() const;
};

class Commands {
 public:
  explicit Commands(Device& device);

  Id handle() const { return queue_.get(); }
  /// Is there work that has not been waited for?
  bool busy() const { return busy_.load(std::memory_order_acquire); }

  /// One grid whose rows are `count` launches, all of them with items.
  void launch(const MetalKernel& kernel, const Launch* launches, int count, unsigned blocks);
  /// Between buffers of the device. False where the hardware does not copy it (a size or place that is no multiple of 4), or an
  /// address is in none: then the host may, after waiting.
  bool copy(void* dst, const void* src, size_t bytes);
  /// The same from host memory, whose bytes are taken before the call returns.
  bool copy_staged(void* dst, const void* src, size_t bytes);

  void record(Mark& mark);
  void wait_for(const Mark& mark);       // what comes later waits; the host does not
  /// What comes later waits for what a foreign command buffer of the device holds by now; `mark` is kept for this.
  void wait_for(Id foreign, Mark& mark);
  /// The host waits for everything so far. Throws where some of it failed.
  void wait();
  /// The same for one point.
  void wait(const Mark& mark);
  /// Is everything so far done? What has not been committed is.
  bool idle();

  static constexpr size_t kRingBytes = 1 << 20;

 private:
  enum class Kind { None, Compute, Blit };
  static constexpr int kMaxDispatches = 64;    // of a command buffer
  static constexpr size_t kMaxInFlight = 32;   // command buffers; Metal's own limit is 64
  static constexpr size_t kInline = 4096;      // bytes that setBytes takes
  static constexpr size_t kRingAlignment = 256;

  // With the lock held.
  Id buffer();                                 // the command buffer being filled
  void begin(Kind kind);
  void end();
  void commit();
  void retire(bool all);                       // forgets what is done; `all`: waits for it
  size_t take_ring(size_t bytes);
  uint64_t on_device(const void* address, int operand);
  void signal(Id command_buffer, Mark& mark);
  void write_record(const MetalKernel& kernel, int64_t* to, const Launch& launch);
  bool blit(Id from, size_t from_offset, Range& to, const void* dst, size_t bytes);

  Device& device_;
  std::mutex lock_;
  Owned queue_, buffer_, encoder_, ring_;
  char* ring_data_ = nullptr;
  size_t ring_next_ = 0;
  Kind kind_ = Kind::None;
  uint64_t encoder_number_ = 0;
  const MetalKernel* kernel_ = nullptr;        // whose pipeline the encoder has
  int dispatches_ = 0;
  Addresses addresses_;
  std::deque<Owned> in_flight_;
  std::atomic<bool> busy_{false};
};

}  // namespace hologram::metal
