// Plans meet a queue: scratch memory, kernels, launches.
#pragma once

#include "runtime/device/queue.h"
#include "runtime/plan/plan.h"

namespace hologram {

/// The memory of a plan's partial results, from the pool of a queue; the plan knows where it is. Released with the object: what was
/// launched until then is ahead of the next user of the memory.
class Partials {
 public:
  Partials(Queue& queue, Plan& plan);
  ~Partials();
  Partials(const Partials&) = delete;
  /// Leaves the blocks to an owner that releases them later: `keep(block)` may throw, the block stays here then.
  template <class Keep>
  void hand_over(Keep keep) {
    for (; num_ > 0; --num_) keep(blocks_[num_ - 1]);
  }

 private:
  int num_ = 0;
  Block* blocks_[kMaxComponents];
};

/// Finds (or compiles) the kernels of a plan and launches them.
void execute(Queue& queue, Plan& plan);

}  // namespace hologram
