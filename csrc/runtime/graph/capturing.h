// What the capture under way (capture.h) is told: files that tell it need no more. Is there one, on any thread? What a queue does asks
// this first: it costs one load. The functions below are called where there is one.
#pragma once

#include <atomic>

namespace hologram {

struct Block;
struct Circuit;
struct Kernel;
struct Launch;

extern std::atomic<bool>
    capture_on;      // one in the process: libraries that hide their symbols would each have their own inline variable
inline bool capturing() { return __builtin_expect(capture_on.load(std::memory_order_relaxed), 0); }

/// A kernel will be launched for the circuit.
void note_operands(const Circuit& circuit);
void note_launches(const Kernel& kernel, const Launch* launches, int count);
void note_allocation(Block& block);
/// From any thread.
void note_release(const Block& block) noexcept;
/// The host, or a kernel that it calls, touches the block: allowed inside a HostWork only.
void note_host_access(Block& block, bool written = false);

/// Memory that a call of the graph reads or writes.
struct MemoryUse {
  const void* data;
  bool written;
};

/// While alive, the thread's host accesses are part of a call.
class HostWork {
 public:
  HostWork() : on_(capturing()) {
    if (on_) ++depth();
  }
  ~HostWork() {
    if (on_) --depth();
  }
  HostWork(const HostWork&) = delete;
  static bool is_under_way() { return depth() != 0; }

 private:
  static int& depth();
  bool on_;
};

}  // namespace hologram
