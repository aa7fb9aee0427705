#include "runtime/stream.h"

#include <algorithm>
#include <vector>

#include "runtime/backend.h"
#include "runtime/config.h"
#include "runtime/fork.h"
#include "runtime/record/recorder.h"

namespace hologram {
namespace {

thread_local int paused = 0;

/// Does the stream alone decide when these operands are read and written?
bool recordable(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i) {
    const Block* block = c.operands[i].block;
    if (!block || block->exposed.load(std::memory_order_relaxed)) return false;
  }
  return true;
}

}  // namespace

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

Stream::Stream(Backend& backend, int id) : backend_(&backend), id_(id), recorder_(std::make_unique<Recorder>(backend)) {
  std::lock_guard<std::mutex> hold(all_lock());
  all_streams().push_back(&recorder_->lock());
  hold_while_forking(ForkOrder::Stream, &lock_all, &unlock_all);
}

Stream::~Stream() {
  std::lock_guard<std::mutex> hold(all_lock());
  auto& all = all_streams();
  all.erase(std::find(all.begin(), all.end(), &recorder_->lock()));
}

Stream& current_stream(Backend& backend, int device) { return backend.stream(device); }

// ---- taking ops ----

void Stream::submit(Circuit& circuit) {
  Form form;
  if (!normalise(circuit, form)) return;
  if (recording() && recordable(circuit)) recorder_->record(circuit, form);
  else recorder_->run_alone(circuit, form);
}

void Stream::flush(Reason reason) {
  if (!recorder_->idle()) recorder_->flush(reason);
}

void Stream::flush_if_written(const Block& block, Reason reason) { recorder_->flush_if_written(block, reason); }

void Stream::synchronize() {
  flush(Reason::Synchronize);
  backend_->synchronize();
}

void Stream::reclaim() {
  if (backend_->dead_bytes.load(std::memory_order_relaxed)) recorder_->reclaim();
}

}  // namespace hologram
