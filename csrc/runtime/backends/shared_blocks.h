// Blocks of one queue that other queues use (torch's record_stream): after its last reference such a block goes back to its pool
// only when the others are done with it.
#pragma once

#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/device/queue.h"
#include "runtime/memory/block.h"

namespace hologram {

class SharedBlocks {
 public:
  explicit SharedBlocks(Queue& home) : home_(home) {}

  void record_use(Block& block, Queue& user);
  /// The block lost its last reference. `usable`: the device still answers.
  void release(Block* block, bool usable) noexcept;
  /// Gives back the blocks whose other users are done.
  void collect() noexcept;

 private:
  struct Shared {
    Block::Pool pool;                                  // where it came from
    std::vector<Queue*> users;
    std::vector<std::pair<Queue*, void*>> events;    // once it has been released
  };

  Queue& home_;
  std::mutex lock_;
  std::unordered_map<Block*, Shared> shared_;
  std::vector<std::pair<Block*, Shared>> leaving_;
};

}  // namespace hologram
