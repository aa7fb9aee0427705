#include "runtime/backends/shared_blocks.h"

#include <algorithm>

#include "runtime/memory/memory.h"

namespace hologram {

void SharedBlocks::record_use(Block& block, Queue& user) {
  if (&user == &home_ || block.pool == Block::Pool::External) return;
  check_same_memory(home_, user, "record_stream");
  std::lock_guard<std::mutex> hold(lock_);
  auto [found, fresh] = shared_.try_emplace(&block);
  if (fresh) {
    found->second.pool = block.pool;
    block.pool = Block::Pool::Shared;
  }
  auto& users = found->second.users;
  if (std::find(users.begin(), users.end(), &user) == users.end()) users.push_back(&user);
}

void SharedBlocks::release(Block* block, bool usable) noexcept {
  Shared shared;
  {
    std::lock_guard<std::mutex> hold(lock_);
    const auto found = shared_.find(block);
    shared = std::move(found->second);
    shared_.erase(found);
  }
  if (usable)
    for (Queue* user : shared.users) {
      void* event = nullptr;   // ops on memory of another queue are never recorded: all of them have been submitted
      try {
        user->record_event(&event, /*timed=*/false);
      } catch (...) {   // the next caller that asks for a value is told
      }
      if (event) shared.events.emplace_back(user, event);
    }
  {
    std::lock_guard<std::mutex> hold(lock_);
    leaving_.emplace_back(block, std::move(shared));
  }
  collect();
}

void SharedBlocks::collect() noexcept {
  std::vector<std::pair<Block*, Shared>> done;
  {
    std::lock_guard<std::mutex> hold(lock_);
    const auto over = [](const auto& entry) {
      return std::all_of(entry.second.events.begin(), entry.second.events.end(), [](const auto& event) {
        try {
          return event.first->event_done(event.second);
        } catch (...) {   // a device that was lost uses nothing any more
          return true;
        }
      });
    };
    for (size_t i = 0; i < leaving_.size();) {
      if (!over(leaving_[i])) {
        ++i;
        continue;
      }
      done.push_back(std::move(leaving_[i]));
      leaving_[i] = std::move(leaving_.back());
      leaving_.pop_back();
    }
  }
  for (auto& [block, shared] : done) {
    for (const auto& [user, event] : shared.events) user->destroy_event(event);
    block->pool = shared.pool;
    Memory::of(home_).release(block);
  }
}

}  // namespace hologram
