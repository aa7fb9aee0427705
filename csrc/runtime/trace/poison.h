// Blocks whose value could not be computed, because a kernel could not be made or started, or an op before it failed.
//
// Invariants
//  * Block::entry is kPoisoned exactly while the value is lost. A look whether something is recorded on a block (entry != 0)
//    meets the poison: blocks that are well cost nothing. A table says what each was lost to.
//  * Reading such a block throws what made it so, however often. Writing over all of it makes it well again; writing over a part
//    throws, for the rest would stay unknown. A block that is freed is well.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>

#include "runtime/memory/block.h"

namespace hologram {

struct Circuit;

/// What went wrong, for all values that it took.
struct Failure {
  explicit Failure(std::exception_ptr error) : error(std::move(error)) {}
  [[noreturn]] void raise() {
    told.store(true, std::memory_order_relaxed);
    std::rethrow_exception(error);
  }
  const std::exception_ptr error;
  std::atomic<bool> told{false};   // a caller has been thrown it
};

constexpr uint32_t kPoisoned = UINT32_MAX;
constexpr uint32_t kWatched = kPoisoned - 1;   // Block::entry of a guarded block on which nothing is recorded (guard.h)

inline bool is_poisoned(const Block& block) { return block.entry.load(std::memory_order_relaxed) == kPoisoned; }
/// Does a recorded op mention it? Then it is not poisoned.
inline bool is_mentioned(const Block& block) { return block.entry.load(std::memory_order_relaxed) - 1 < kWatched - 1; }

/// The value of the block, which no recorded op mentions, is lost.
void poison(Block& block, std::shared_ptr<Failure> failure) noexcept;
/// The block is freed, or all of it will be written.
void forget_poison(Block& block) noexcept;
/// Throws what made the value of the block unknown, if it is.
void throw_if_poisoned(const Block& block);

namespace detail {
extern std::atomic<int> poisoned_blocks;
}
inline bool any_poisoned() { return __builtin_expect(detail::poisoned_blocks.load(std::memory_order_relaxed) != 0, 0); }

/// Does the output write each byte of its block?
bool covers_block(const Circuit& circuit, int output);
/// Before an op is recorded or run: throws where it needs a value that is lost, and makes well what it writes over.
void check_poisoned(const Circuit& circuit);

}  // namespace hologram
