// What a backend is to the runtime: memory, kernels, order. One folder per backend in csrc/runtime/backends.
//
// A Queue is work on one device, in order, with pools and a stream of recorded ops of its own. The CPU has one. A GPU has
// queue 0 of each device, and more where the program makes streams. Memory belongs to the queue it was allocated on, as in
// CUDA's caching allocators: reuse needs no waiting.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/device/backend_info.h"
#include "runtime/kernels/compiler.h"
#include "runtime/kernels/kernel_cache.h"

namespace hologram {

struct Block;
class Memory;
class Stream;

struct Launch {
  void* const* operands;
  const int64_t* args;
  int64_t items, elements_per_item;
};

struct DeviceProperties {
  std::string name;
  size_t total_bytes = 0;
  int multiprocessors = 0;
  int capability = 0;        // 10 * major + minor of a CUDA device, 0 elsewhere
};

class Queue {
 public:
  virtual ~Queue() = default;
  /// What is known of its backend.
  const BackendInfo& info() const { return info_; }
  const char* name() const { return info_.name; }
  bool host_visible() const { return info_.host_visible; }
  bool reads_host_memory() const { return info_.reads_host_memory; }
  /// The host sees memory that kernels may still be working on: a caller that touches it outside the queue waits first
  /// (wait_for_device). That holds for fresh blocks too, whose last user may be under way.
  bool host_waits() const { return info_.host_waits; }
  bool has_float64() const { return info_.has_float64; }
  const SplitLimits& split_limits() const { return info_.splits; }
  /// Waits for everything submitted to any queue of the device.
  virtual void wait_for_device() {}
  virtual int device_count() const = 0;

  // ---- queues ----
  int device() const { return device_; }
  /// The queue that the calling thread's new tensors and ops on a device go to.
  bool has_one_queue() const { return one_queue_; }
  Queue& current(int device) { return one_queue_ ? *this : thread_queue(device); }
  /// A queue of a device by the index of its stream: 0 always exists, others are made when they are first asked for.
  virtual Queue& queue(int device, int stream_index) { return *this; }
  virtual int queues(int device) const { return 1; }      // made so far; 0: the device has not been used
  virtual int max_queues() const { return 1; }
  /// Chooses the queue of the calling thread on a device.
  virtual void use_stream(int device, int stream_index) {}
  /// The recorded ops of this queue, shared by all threads.
  Stream& stream() { return *stream_; }
  /// Is memory of that queue of use to kernels of this one?
  bool shares_memory_with(const Queue& other) const { return this == &other || (device_ == other.device_ && same_backend(other)); }
  bool same_backend(const Queue& other) const { return &info_ == &other.info_; }

  // ---- memory ----
  /// Raw memory under the pools. allocate returns nullptr when the system refuses.
  virtual void* allocate(size_t bytes) = 0;
  virtual void deallocate(void* data, size_t bytes) = 0;
  /// The content of this part of an allocation is no longer needed: gives its pages back while the addresses stay
  /// reserved. False where the backend cannot do that; the pool then returns whole allocations only.
  virtual bool discard(void* data, size_t bytes) { return false; }
  /// Host memory that the device reaches by itself; nullptr when the system refuses.
  virtual void* allocate_pinned(size_t bytes) = 0;
  virtual void free_pinned(void* data) = 0;
  /// Another queue of the same device will use the block, whatever happens to its references (torch's record_stream).
  virtual void record_use(Block& block, Queue& queue) {}
  /// A block with Pool::Shared lost its last reference.
  virtual void release_shared(Block* block) noexcept {}
  /// {free, total} bytes of the device; {0, 0} where the system has to be asked.
  virtual std::pair<size_t, size_t> memory_info() { return {0, 0}; }
  virtual DeviceProperties properties() { return {}; }

  // ---- copies, in the order of the queue ----
  virtual void copy(void* dst, const void* src, size_t bytes) = 0;       // within the device
  /// Between host and device. `pinned`: the host memory is pinned and stays as it is until the queue has been waited for, and
  /// the call need not wait. Otherwise the host memory is free to be used when the call returns.
  virtual void upload(void* dst, const void* src, size_t bytes, bool pinned = false) { copy(dst, src, bytes); }
  virtual void download(void* dst, const void* src, size_t bytes, bool pinned = false) { copy(dst, src, bytes); }
  /// From the memory of another queue of this backend, in the order of both.
  virtual void copy_from(Queue& other, void* dst, const void* src, size_t bytes) { copy(dst, src, bytes); }

  // ---- kernels ----
  /// Makes a kernel that is not in the cache; Python decides how.
  virtual Kernel* compile(const Key& key) { return compile_for_host(key); }
  KernelCache& kernels() { return *kernels_; }
  virtual void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n,
                      int64_t elements_per_item) = 0;
  /// Launches of one kernel that do not depend on each other.
  virtual void launch_many(const Kernel& kernel, const Launch* launches, int count);

  // ---- time ----
  virtual void synchronize() = 0;                    // the host waits for what was submitted to this queue
  virtual void synchronize_device() { synchronize(); }
  virtual bool idle() { return true; }
  /// The same handle from torch or another library, which must order its work with ours; nullptr where there is none.
  virtual void* native_handle() { return nullptr; }
  /// Points in the queue. record makes the event where `*event` is null, with a clock where `timed`.
  virtual void record_event(void** event, bool timed) {}
  virtual void wait_event(void* event) {}            // what comes later in this queue waits for it; the host does not
  virtual bool event_done(void* event) { return true; }
  virtual void synchronize_event(void* event) {}
  virtual double elapsed_milliseconds(void* first, void* second) { return 0; }
  virtual void destroy_event(void* event) noexcept {}

  /// Bytes of recorded blocks that lost their last owner outside the stream since it was last set to 0.
  std::atomic<int64_t> dead_bytes{0};

 protected:
  explicit Queue(const BackendInfo& info) : info_(info) {}
  virtual Queue& thread_queue(int device) { return *this; }

  KernelCache* kernels_ = &host_kernels();
  Stream* stream_ = nullptr;     // set by the maker of the object
  bool one_queue_ = true;
  int device_ = 0;

 private:
  friend class Memory;
  const BackendInfo& info_;
  std::atomic<Memory*> memory_{nullptr};   // the pools over this queue, made at the first allocation
};

/// f(queue) for every queue of a backend that was made.
template <class F>
void each_queue(Queue& queue, F f) {
  for (int device = 0; device < queue.device_count(); ++device)
    for (int i = 0; i < queue.queues(device); ++i) f(queue.queue(device, i));
}
template <class F>
void each_queue(Queue& queue, int device, F f) {
  for (int i = 0; i < queue.queues(device); ++i) f(queue.queue(device, i));
}

/// True once a second queue exists: from then on it is checked where the operands of an op live.
bool several_queues();
void note_several_queues();
/// Throws where `a` and `b` are of different devices or backends, naming both.
void check_same_memory(const Queue& a, const Queue& b, const char* op);

}  // namespace hologram
