#include "runtime/trace/recorder.h"

#include <algorithm>
#include <mutex>
#include <string>

#include "runtime/base/config.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/plan/execute.h"
#include "runtime/ir/dims.h"
#include "runtime/memory/guard.h"

namespace hologram {
namespace {

/// Memory that waits for a flush to be freed: this much, or this share of what is in use, makes one happen.
constexpr int64_t kDeadBytes = 8 << 20, kDeadShare = 32;

int64_t all_bytes(const Circuit& c) {
  int64_t bytes = 0;
  for (int i = 0; i < c.num_operands; ++i) bytes += operand_bytes(c, c.operands[i]);
  return bytes;
}

void pin_operands(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i)
    if (c.operands[i].block) guard_pin(*c.operands[i].block);
}

/// A list of the thread's own, kept for its capacity.
std::vector<Block*>& spare_list() {
  thread_local std::vector<Block*> list;
  return list;
}

}  // namespace

template <class Action>
void Recorder::locked(bool observe, Action action) {
  std::shared_ptr<Failure> failure;
  bool releases;
  {
    std::lock_guard<StreamLock> hold(lock_);
    action();
    releases = !released_.empty();
    if (releases) spare_list().swap(released_);
    if (observe && failure_) std::swap(failure, failure_);
    busy_.store(!window_.empty() || failure_, std::memory_order_relaxed);
  }
  if (releases)
    for (auto& list = spare_list(); !list.empty();) {   // a deleter may come back here
      Block* const block = list.back();
      list.pop_back();
      block->release();
    }
  if (failure && !failure->told.load(std::memory_order_relaxed)) failure->raise();
}

void Recorder::record(Circuit& circuit, IterationSpace& space) {
  const bool sync = config().sync;
  const FpMode mode = fp_mode();
  add_to(Counter::recorded);
  interleave(circuit, space);
  locked(sync, [&] {
    if (any_poisoned()) check_poisoned(circuit);
    if (__builtin_expect(mode != mode_, 0)) {
      run_window(Reason::Switch);
      mode_ = mode;
    }
    window_.add(circuit, space);
    if (sync) run_window(Reason::Immediate);
    else if (window_.full()) run_window(Reason::Full);
    else if (queue_->dead_bytes.load(std::memory_order_relaxed) > kDeadBytes) check_memory();
  });
}

void Recorder::run_alone(Circuit& circuit, IterationSpace& space) {
  add_to(Counter::recorded);
  const bool guard = config().guard;
  if (__builtin_expect(guard, 0)) pin_operands(circuit);
  if (!idle() || guard)   // busy_ comes after what another thread hides
    locked(false, [&] {
      if (window_.touches(circuit)) run_window(Reason::Immediate);
    });
  if (any_poisoned()) check_poisoned(circuit);
  lower(circuit, space);
  Plan p = plan(circuit, space);
  execute(*queue_, p);
}

void Recorder::run(Reason reason) { locked(false, [&] { run_window(reason); }); }

void Recorder::flush(Reason reason) { locked(true, [&] { run_window(reason); }); }

void Recorder::reclaim() { locked(false, [&] { check_memory(); }); }

void Recorder::run_if_written(const Block& block, Reason reason) {
  locked(false, [&] {
    if (window_.will_write(block)) run_window(reason);
  });
}

// ---- running ----

void Recorder::run_window(Reason reason) {
  if (window_.empty()) return;
  released_.reserve(released_.size() + window_.num_blocks());   // memory is refused before anything ran, or not at all
  records_.clear();
  operands_.clear();
  written_.clear();
  window_.unprotect_writes();
  const FpScope scope(mode_);
  try {
    run_groups(reason);
  } catch (...) {   // outside of any group: what has run is not known
    launcher_.drop_all();
    window_.lose_all(number_of(std::current_exception()));
  }
  if (__builtin_expect(!failures_.empty(), 0)) {
    if (!failure_ || failure_->told.load(std::memory_order_relaxed)) failure_ = failures_[0];
    if (config().sync) failures_.clear();   // the caller of the op is told, and what it was to write is as it was
  }
  window_.clear(released_, failures_);
  window_.note_cut(reason == Reason::Full);
  queue_->dead_bytes.store(0, std::memory_order_relaxed);   // of this window: where the next one is cut is its own affair
  failures_.clear();
  if (!launcher_.times().empty()) note_times();
  remember(records_.data(), records_.size(), operands_.data());
}

inline void Recorder::launch_collected() {
  launcher_.run();
  if (__builtin_expect(launcher_.lost(), 0)) take_losses();
}

void Recorder::run_groups(Reason reason) {
  const int groups = window_.num_groups();
  order_.clear();
  for (int g = 0; g < groups; ++g) {
    FusionGroup& group = window_.group(g);
    if (group.ops == 0) continue;   // it became part of a later one
    add_to(Counter::bytes_recorded, static_cast<uint64_t>(group.bytes));
    if (window_.prune(g)) {
      order_.push_back({window_.stage_of(g), g});
    } else {
      add_to(Counter::dropped, group.ops);
      record_of(group, reason);
    }
  }
  if (order_.size() > 1) std::sort(order_.begin(), order_.end());
  int stage = 0;
  for (const auto& [own, g] : order_) {
    if (own > stage) launch_collected();
    stage = own;
    run_group(g, record_of(window_.group(g), reason));
  }
  launch_collected();
}

void Recorder::run_group(int g, CircuitRecord& record) {
  FusionGroup& group = window_.group(g);
  Circuit& c = group.circuit;
  record.first_operand = operands_.size();
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& operand = c.operands[i];
    if (!operand.block) continue;
    if (operand.output) written_.push_back({g, operand.block});
    operands_.push_back({operand.block->data, static_cast<int64_t>(operand.block->bytes), operand.output});
    ++record.num_operands;
  }
  if (__builtin_expect(!failures_.empty(), 0)) {
    if (const int lost = window_.lost_input(g); lost >= 0) return lose(g, lost);
    window_.restore_outputs(g);
  }
  lower(c, group.space);
  record.bytes_moved = all_bytes(c);
  add_to(Counter::bytes_moved, static_cast<uint64_t>(record.bytes_moved));
  add_to(Counter::circuits);
  record.group = g;
  launcher_.begin(g, &record);
  try {
    Plan p = plan(c, group.space);
    Partials partials(*queue_, p);
    for (int i = 0; i < p.num_launches; ++i) launcher_.launch(p.launches[i], p.circuit_of(i));
    partials.hand_over([&](Block* block) { launcher_.keep(block); });
  } catch (const Error& error) {
    launcher_.drop_group();
    lose(g, std::make_exception_ptr(Error(error.kind(), error.what() + describe(c, group.space.full))));
  } catch (...) {
    launcher_.drop_group();
    lose(g, std::current_exception());
  }
}

void Recorder::take_losses() {
  for (const auto& [group, error] : launcher_.lost_groups()) lose(group, error);
  for (const auto& [block, error] : launcher_.lost_outputs()) window_.lose(*block, number_of(error));
  launcher_.forget_lost();
}

/// The number of a failure: one that took several groups is one.
int Recorder::number_of(const std::exception_ptr& error) {
  int number = 0;
  const int known = static_cast<int>(failures_.size());
  while (number < known && failures_[static_cast<size_t>(number)]->error != error) ++number;
  if (number == known) failures_.push_back(std::make_shared<Failure>(error));
  return number;
}

void Recorder::lose(int g, const std::exception_ptr& error) { lose(g, number_of(error)); }

void Recorder::lose(int g, int failure) {
  for (const auto& [group, block] : written_)
    if (group == g) window_.lose(*block, failure);
}

CircuitRecord& Recorder::record_of(const FusionGroup& group, Reason reason) {
  CircuitRecord& record = records_.emplace_back();
  record.reason = reason;
  record.ops = group.ops;
  record.elements = group.space.full;
  record.bytes_recorded = group.bytes;
  record.caller = group.caller;
  record.started = work_clock();
  return record;
}

void Recorder::note_times() {
  for (const BatchLauncher::LaunchTime& time : launcher_.times())
    for (CircuitRecord& record : records_)
      if (record.group == time.group && record.num_kernels) {
        if (!record.microseconds) record.started = time.started;
        record.microseconds += time.microseconds;
      }
  launcher_.forget_times();
}

void Recorder::check_memory() {
  queue_->dead_bytes.store(0, std::memory_order_relaxed);
  if (unread_results_kept()) return run_window(Reason::Memory);
  const int64_t held = window_.release_dead_values(released_);
  if (held <= kDeadBytes) return;
  if (held > memory_stats(*queue_).allocated_bytes.current / kDeadShare) run_window(Reason::Memory);
}

}  // namespace hologram
