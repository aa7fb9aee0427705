#include "runtime/record/recorder.h"

#include <algorithm>
#include <mutex>
#include <string>

#include "runtime/config.h"
#include "runtime/counters.h"
#include "runtime/error.h"
#include "runtime/plan/dims.h"

namespace hologram {
namespace {

/// Memory that waits for a flush to be freed: this much, or this share of what is in use, makes one happen.
constexpr int64_t kDeadBytes = 8 << 20, kDeadShare = 32;

int64_t all_bytes(const Circuit& c) {
  int64_t bytes = 0;
  for (int i = 0; i < c.num_operands; ++i) bytes += operand_bytes(c, c.operands[i]);
  return bytes;
}

/// " (in the circuit mul > add over 4096 elements)", for messages.
std::string describe(const Group& group) {
  std::string text = " (in the circuit ";
  for (int n = 0; n < group.circuit.num_nodes; ++n) text += std::string(n ? " > " : "") + op_name(group.circuit.nodes[n].op);
  return text + " over " + std::to_string(group.form.full) + " elements)";
}

/// A list of the thread's own, kept for its capacity.
std::vector<Block*>& spare_list() {
  thread_local std::vector<Block*> list;
  return list;
}

}  // namespace

template <class Action>
void Recorder::locked(bool observe, Action action) {
  std::exception_ptr failure;
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
  if (failure) std::rethrow_exception(failure);
}

void Recorder::record(Circuit& circuit, Form& form) {
  const bool sync = config().sync;
  const FpMode mode = fp_mode();
  add_to(Counter::recorded);
  locked(sync, [&] {
    if (__builtin_expect(mode != mode_, 0)) {
      run_window(Reason::Switch);
      mode_ = mode;
    }
    window_.add(circuit, form);
    if (sync) run_window(Reason::Immediate);
    else if (window_.full()) run_window(Reason::Full);
    else if (backend_->dead_bytes.load(std::memory_order_relaxed) > kDeadBytes) check_memory();
  });
}

void Recorder::run_alone(Circuit& circuit, Form& form) {
  add_to(Counter::recorded);
  if (!idle())
    locked(true, [&] {
      if (window_.touches(circuit)) run_window(Reason::Immediate);
    });
  denormalise(circuit, form);
  plan_circuit(*backend_, circuit, nullptr);
}

void Recorder::flush(Reason reason) { locked(true, [&] { run_window(reason); }); }

void Recorder::reclaim() { locked(false, [&] { check_memory(); }); }

void Recorder::flush_if_written(const Block& block, Reason reason) {
  locked(true, [&] {
    if (window_.will_write(block)) run_window(reason);
  });
}

void Recorder::run_window(Reason reason) {
  if (window_.empty()) return;
  records_.clear();
  window_.reveal();
  const FpScope scope(mode_);
  try {
    run_groups(reason);
  } catch (...) {
    launcher_.forget();
    if (!failure_) failure_ = std::current_exception();
  }
  window_.clear(released_);
  remember(records_.data(), records_.size());
}

void Recorder::plan(Group& group) {
  try {
    plan_circuit(*backend_, group.circuit, &launcher_);
  } catch (const Error& error) {
    throw Error(error.kind(), error.what() + describe(group));
  }
}

void Recorder::run_groups(Reason reason) {
  const int groups = window_.num_groups();
  order_.clear();
  for (int g = 0; g < groups; ++g) {
    Group& group = window_.group(g);
    if (group.ops == 0) continue;   // it became part of a later one
    add_to(Counter::bytes_recorded, static_cast<uint64_t>(group.bytes));
    if (window_.prune(g)) {
      order_.push_back({window_.stage_of(g), g});
    } else {
      add_to(Counter::dropped, group.ops);
      record_of(group, reason);
    }
  }
  std::sort(order_.begin(), order_.end());
  int stage = 0;
  for (const auto& [own, g] : order_) {
    if (own > stage) launcher_.run();
    stage = own;
    Group& group = window_.group(g);
    denormalise(group.circuit, group.form);
    CircuitRecord& record = record_of(group, reason);
    record.bytes_moved = all_bytes(group.circuit);
    add_to(Counter::bytes_moved, static_cast<uint64_t>(record.bytes_moved));
    add_to(Counter::circuits);
    launcher_.set_record(&record);
    plan(group);
  }
  launcher_.run();
}

CircuitRecord& Recorder::record_of(const Group& group, Reason reason) {
  CircuitRecord& record = records_.emplace_back();
  record.reason = reason;
  record.ops = group.ops;
  record.elements = group.form.full;
  record.bytes_recorded = group.bytes;
  return record;
}

void Recorder::check_memory() {
  backend_->dead_bytes.store(0, std::memory_order_relaxed);
  const int64_t held = window_.sweep(released_);
  if (held <= kDeadBytes) return;
  if (held > memory_stats(*backend_).allocated_bytes.current / kDeadShare) run_window(Reason::Memory);
}

}  // namespace hologram
