#include "runtime/trace/poison.h"

#include <new>
#include <unordered_map>

#include "runtime/ir/circuit.h"
#include "runtime/base/error.h"
#include "runtime/base/fork.h"
#include "runtime/memory/guard.h"
#include "runtime/memory/spin_lock.h"

namespace hologram {

std::atomic<int> detail::poisoned_blocks{0};

namespace {

SpinLock lock;   // around the table

std::unordered_map<const Block*, std::shared_ptr<Failure>>& table() {
  static auto& failures = *new std::unordered_map<const Block*, std::shared_ptr<Failure>>;   // never destroyed: blocks may outlive it
  return failures;
}

}  // namespace

void poison(Block& block, std::shared_ptr<Failure> failure) noexcept {
  hold_while_forking(ForkOrder::Poison, [] { lock.lock(); }, [] { lock.unlock(); });
  lock.lock();
  try {
    table()[&block] = std::move(failure);
  } catch (const std::bad_alloc&) {   // the value is lost all the same; why, is not known any more
  }
  if (!is_poisoned(block)) detail::poisoned_blocks.fetch_add(1, std::memory_order_relaxed);
  block.entry.store(kPoisoned, std::memory_order_relaxed);
  lock.unlock();
}

void forget_poison(Block& block) noexcept {
  std::shared_ptr<Failure> failure;   // destroyed without the lock
  lock.lock();
  if (is_poisoned(block)) {
    if (const auto found = table().find(&block); found != table().end()) {
      failure = std::move(found->second);
      table().erase(found);
    }
    detail::poisoned_blocks.fetch_sub(1, std::memory_order_relaxed);
    block.entry.store(idle_entry(block), std::memory_order_relaxed);
  }
  lock.unlock();
}

void throw_if_poisoned(const Block& block) {
  if (!is_poisoned(block)) return;
  std::shared_ptr<Failure> failure;
  lock.lock();
  const bool lost = is_poisoned(block);
  if (const auto found = table().find(&block); found != table().end()) failure = found->second;
  lock.unlock();
  if (failure) failure->raise();
  if (lost) fail(Error::Kind::OutOfMemory, "hologram: this value was lost, and there was no memory to note why. Compute it again.");
}

bool covers_block(const Circuit& c, int output) {
  const Operand& o = c.operands[output];
  auto bytes = static_cast<int64_t>(item_size(o.dtype));
  for (int d = 0; d < c.rank; ++d)
    if (o.strides[d] != 0) bytes *= c.sizes[d];   // an output's elements are apart
  return o.block && o.data == o.block->data && bytes == static_cast<int64_t>(o.block->bytes);
}

void check_poisoned(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    if (o.block && !(o.output && covers_block(c, i))) throw_if_poisoned(*o.block);
  }
  for (int i = 0; i < c.num_operands; ++i)
    if (c.operands[i].block && is_poisoned(*c.operands[i].block)) forget_poison(*c.operands[i].block);
}

}  // namespace hologram
