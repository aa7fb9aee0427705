// Blocks of one queue that other queues use (torch's record_stream): after its last reference such a block goes back to its pool
// only when the others are done with it.
#pragma once

#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/device/backend.h"
#include "runtime/memory/block.h"

namespace hologram {

class SharedBlocks {
 public:
  explicit SharedBlocks(Backend& home) : home_(home) {}

  void record_use(Block& block, Backend& user);
  /// The block lost its last reference. `usable`: the device still answers.
  void release(Block* block, bool usable) noexcept;
  /// Gives back the blocks whose other users are done.
  void collect() noexcept;

 private:
  struct Shared {
    Block::Pool pool;                                  // where it came from
    std::vector<Backend*> users;
    std::vector<std::pair<Backend*, void*>> events;    // once it has been released
  };

  Backend& home_;
  std::mutex lock_;
  std::unordered_map<Block*, Shared> shared_;
  std::vector<std::pair<Block*, Shared>> leaving_;
};

}  // namespace hologram
