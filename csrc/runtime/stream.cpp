#include "runtime/stream.h"

#include <algorithm>
#include <mutex>

#include "runtime/backend.h"
#include "runtime/config.h"
#include "runtime/counters.h"
#include "runtime/error.h"
#include "runtime/fork.h"
#include "runtime/plan/plan.h"

namespace hologram {
namespace {

/// Memory that waits for a flush to be freed: this much, or this share of what is in use, makes one happen.
constexpr int64_t kDeadBytes = 8 << 20, kDeadShare = 32;

thread_local int paused = 0;

std::atomic<void* (*)()> leave_hook{nullptr};
std::atomic<void (*)(void*)> enter_hook{nullptr};

/// Does the stream alone decide when these operands are read and written?
bool recordable(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i) {
    const Block* block = c.operands[i].block;
    if (!block || block->exposed.load(std::memory_order_relaxed)) return false;
  }
  return true;
}

void count(std::atomic<uint64_t>& counter, uint64_t n = 1) { counter.fetch_add(n, std::memory_order_relaxed); }

int64_t operand_bytes(const Circuit& c) {
  int64_t bytes = 0;
  for (int i = 0; i < c.num_operands; ++i) {
    int64_t n = static_cast<int64_t>(item_size(c.operands[i].dtype));
    for (int d = 0; d < c.rank; ++d)
      if (c.operands[i].strides[d]) n *= c.sizes[d];
    bytes += n;
  }
  return bytes;
}

}  // namespace

void set_wait_hooks(WaitHooks hooks) {
  leave_hook.store(hooks.leave);
  enter_hook.store(hooks.enter);
}

void StreamLock::wait() {
  HG_CHECK(!mine(), "hologram: an op was called from inside the compiler (by a signal handler or a finalizer). "
                    "Defer it until the interrupted call has returned.");
  for (int spins = 0; spins < 100; ++spins)
    if (mutex_.try_lock()) return;
  const auto leave = leave_hook.load();
  const auto enter = enter_hook.load();
  void* const state = leave ? leave() : nullptr;
  mutex_.lock();
  if (enter) enter(state);
}

bool recording() { return config().fusion && paused == 0; }
void pause_recording() { ++paused; }
void resume_recording() { --paused; }

// ---- all streams, for fork ----

namespace {

std::mutex& all_lock() {
  static auto& lock = *new std::mutex;
  return lock;
}
std::vector<StreamLock*>& all_streams() {
  static auto& streams = *new std::vector<StreamLock*>;
  return streams;
}

void lock_all() {
  all_lock().lock();
  for (StreamLock* lock : all_streams()) lock->lock();
}
void unlock_all() {
  for (StreamLock* lock : all_streams()) lock->unlock();
  all_lock().unlock();
}

}  // namespace

Stream::Stream(Backend& backend, int id) : backend_(&backend), id_(id), launcher_(backend) {
  std::lock_guard<std::mutex> hold(all_lock());
  all_streams().push_back(&lock_);
  hold_while_forking(ForkOrder::Stream, &lock_all, &unlock_all);
}

Stream::~Stream() {
  std::lock_guard<std::mutex> hold(all_lock());
  auto& all = all_streams();
  all.erase(std::find(all.begin(), all.end(), &lock_));
}

Stream& current_stream(Backend& backend, int device) { return backend.stream(device); }

// ---- taking ops ----

void Stream::submit(Circuit& circuit) {
  count(counters().recorded);
  Form form;
  if (!normalise(circuit, form)) return;
  if (recording() && recordable(circuit)) record(circuit, form);
  else run_alone(circuit, form);
}

template <class Action>
void Stream::locked(bool observe, Action action) {
  thread_local std::vector<Block*> released;   // keeps its capacity
  std::exception_ptr failure;
  {
    std::lock_guard<StreamLock> hold(lock_);
    action();
    released.swap(released_);
    if (observe) std::swap(failure, failure_);
    recorded_.store(!window_.empty() || failure_, std::memory_order_relaxed);
  }
  while (!released.empty()) {   // a deleter may come back here
    Block* const block = released.back();
    released.pop_back();
    block->release();
  }
  if (failure) std::rethrow_exception(failure);
}

void Stream::record(Circuit& circuit, Form& form) {
  const bool sync = config().sync;
  locked(sync, [&] {
    window_.add(circuit, form);
    if (sync) run_window(Reason::Immediate);
    else if (window_.full()) run_window(Reason::Full);
    else if (backend_->dead_bytes.load(std::memory_order_relaxed) > kDeadBytes) check_memory();
  });
}

void Stream::run_alone(Circuit& circuit, Form& form) {
  if (recorded_.load(std::memory_order_relaxed)) {
    locked(true, [&] {
      if (window_.touches(circuit)) run_window(Reason::Immediate);
    });
  }
  denormalise(circuit, form);
  plan_circuit(*backend_, circuit, nullptr);
}

// ---- running them ----

void Stream::flush(Reason reason) {
  if (recorded_.load(std::memory_order_relaxed)) locked(true, [&] { run_window(reason); });
}

void Stream::flush_if_written(const Block& block, Reason reason) {
  locked(true, [&] {
    if (window_.will_write(block)) run_window(reason);
  });
}

void Stream::synchronize() {
  flush(Reason::Synchronize);
  backend_->synchronize();
}

void Stream::run_window(Reason reason) {
  if (window_.empty()) return;
  ++windows_;
  try {
    run_groups(reason);
  } catch (...) {
    launcher_.forget();
    if (!failure_) failure_ = std::current_exception();
  }
  window_.clear(released_);
}

void Stream::run_groups(Reason reason) {
  const int groups = window_.num_groups();
  stages_.assign(static_cast<size_t>(groups), 0);
  int stage = 0;
  for (int g = 0; g < groups; ++g) {
    Group& group = window_.group(g);
    CircuitRecord record;
    record.window = windows_;
    record.reason = reason;
    record.ops = group.ops;
    record.elements = group.form.full;
    record.bytes_recorded = group.bytes;
    count(counters().bytes_recorded, static_cast<uint64_t>(group.bytes));
    if (window_.prune(g)) {
      // Groups of one stage do not depend on each other. Stages never fall: a group that must come after the last reader
      // of a block comes after all its readers.
      int own = group.after_all ? stage + 1 : stage;
      for (int d = 0; d < group.num_deps; ++d) own = std::max(own, stages_[static_cast<size_t>(group.deps[d])] + 1);
      if (own > stage) launcher_.run();
      stages_[static_cast<size_t>(g)] = stage = own;
      denormalise(group.circuit, group.form);
      record.bytes_moved = operand_bytes(group.circuit);
      count(counters().bytes_moved, static_cast<uint64_t>(record.bytes_moved));
      count(counters().circuits);
      launcher_.set_record(&record);
      plan_circuit(*backend_, group.circuit, &launcher_);
    } else {
      count(counters().dropped, group.ops);
    }
    remember(record);
  }
  launcher_.run();
}

// ---- memory ----

void Stream::check_memory() {
  backend_->dead_bytes.store(0, std::memory_order_relaxed);
  const int64_t held = window_.sweep(released_);
  if (held <= kDeadBytes) return;
  if (held > memory_stats(*backend_).allocated_bytes.current / kDeadShare) run_window(Reason::Memory);
}

void Stream::reclaim() {
  if (backend_->dead_bytes.load(std::memory_order_relaxed)) locked(false, [&] { check_memory(); });
}

}  // namespace hologram
