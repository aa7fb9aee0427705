#include "runtime/trace/stream.h"

#include <algorithm>
#include <vector>

#include "runtime/device/queue.h"
#include "runtime/base/config.h"
#include "runtime/base/error.h"
#include "runtime/base/fork.h"
#include "runtime/ir/dims.h"
#include "runtime/memory/guard.h"
#include "runtime/trace/poison.h"
#include "runtime/trace/recorder.h"

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

/// The same, once it is recorded. What is kept of the values that it writes is old from then on.
bool still_recordable(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i)
    if (c.operands[i].output && c.operands[i].block) note_recorded_write(*c.operands[i].block);
  return recordable(c);
}

void note_writes(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i)
    if (c.operands[i].output && c.operands[i].block) note_write(*c.operands[i].block);
}

/// The same once there are several queues. Throws where the operands live on different devices or backends.
bool recordable_here(const Circuit& c, Queue& here) {
  bool all = true;
  for (int i = 0; i < c.num_operands; ++i) {
    Block* block = c.operands[i].block;
    if (!block) {
      if (c.operands[i].data && !here.reads_host_memory())
        fail(Error::Kind::Runtime, "hologram.", op_name(c.nodes[0].op), ": an operand lies in the memory of the cpu, which kernels of the "
             "hologram backend '", here.name(), "' do not read. Copy it to the device.");
      all = false;
      continue;
    }
    Queue& home = *block->queue;
    if (&home != &here) {
      check_same_memory(here, home, op_name(c.nodes[0].op));
      // Another queue of the device: what it still has recorded on the block comes first. The rest is up to the caller, which
      // orders the queues.
      if (is_mentioned(*block)) home.stream().run(Reason::Switch);
      all = false;
    }
    all &= !block->exposed.load(std::memory_order_relaxed);
  }
  return all;
}

/// The bytes that an operand reaches, from `first` on and before `end`, counted from the start of its block. False: beyond all numbers.
bool reach_of(const Circuit& c, const Operand& o, int64_t& first, int64_t& end) {
  first = o.data - o.block->data;
  const bool known = !__builtin_add_overflow(first, static_cast<int64_t>(item_size(o.dtype)), &end);
  return extend_reach(c.sizes, o.strides, c.rank, first, end) && known;
}

bool lies_in_its_block(const Circuit& c, const Operand& o) {
  if (!o.block) return o.data;
  const auto bytes = static_cast<int64_t>(o.block->bytes);
  if (__builtin_expect(c.rank == 1 && o.strides[0] >= 0, 1)) {   // most operands
    int64_t extent;
    const int64_t first = o.data - o.block->data;
    return !__builtin_mul_overflow(c.sizes[0] - 1, o.strides[0], &extent) && first >= 0 &&
           extent <= bytes - static_cast<int64_t>(item_size(o.dtype)) - first;
  }
  int64_t first, end;
  return reach_of(c, o, first, end) && first >= 0 && end <= bytes;
}

[[noreturn]] void refuse_operand(const Circuit& c, int i) {
  const Operand& o = c.operands[i];
  const char* const op = op_name(c.nodes[0].op);
  HG_CHECK(o.block, "hologram.", op, ": operand ", i, " has no memory. Give it a tensor with elements.");
  int64_t first = 0, end = 0;
  reach_of(c, o, first, end);
  fail(Error::Kind::Runtime, "hologram.", op, ": operand ", i, " would reach from byte ", first, " to byte ", end, " of memory that has ",
       o.block->bytes, " bytes. A tensor must lie within its storage, and have the shape that the op asks for.");
}

/// Every operand must lie in its block. The caller that describes an op has checked its shapes: what gets here all the same (an op that
/// trusts its caller, a storage that was shrunk under a tensor, strides that torch's compiler made) must not touch other memory.
void check_bounds(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i)
    if (__builtin_expect(!lies_in_its_block(c, c.operands[i]), 0)) refuse_operand(c, i);
}

/// Tensors of float64, when the op is called and not when its kernel is made: an op that fails later would take others with it.
void refuse_float64(const Circuit& c, const Queue& here) {
  const auto is_double = [](const Operand& o) { return o.dtype == DType::F64; };
  if (std::none_of(c.operands, c.operands + c.num_operands, is_double)) return;   // inside a kernel there may be doubles
  const Node* const end = c.nodes + c.num_nodes;
  const Node* const node = std::find_if(c.nodes, end, [](const Node& n) { return n.compute == DType::F64 || n.result == DType::F64; });
  fail(Error::Kind::NotSupported, "hologram.", op_name(node == end ? Op::copy : node->op), ": ",
       here.info().display_name, " has no float64. Convert to float32, or use set_backend('cpu').");
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

Stream::Stream(Queue& queue, int id)
    : queue_(&queue), id_(id), host_waits_(queue.host_waits()), recorder_(std::make_unique<Recorder>(queue)) {
  std::lock_guard<std::mutex> hold(all_lock());
  all_streams().push_back(&recorder_->lock());
  hold_while_forking(ForkOrder::Stream, &lock_all, &unlock_all);
}

Stream::~Stream() {
  std::lock_guard<std::mutex> hold(all_lock());
  auto& all = all_streams();
  all.erase(std::find(all.begin(), all.end(), &recorder_->lock()));
}

Stream& current_stream(Queue& queue, int device) { return queue.current(device).stream(); }

// ---- taking ops ----

void Stream::submit(Circuit& circuit) {
  IterationSpace space;
  if (!canonicalize(circuit, space, queue_->split_limits())) return;
  if (space.full != 0) check_bounds(circuit);   // of rows without elements nothing is read
  if (__builtin_expect(config().guard, 0) && recording()) guard_unpin_all();
  if (__builtin_expect(several_queues(), 0)) return submit_among_queues(circuit, space);
  if (!recordable(circuit) || !recording()) {
    recorder_->run_alone(circuit, space);
    return note_writes(circuit);
  }
  recorder_->record(circuit, space);
  // An address was taken meanwhile, on another thread. There the mark comes before the look at what is recorded, here it is the
  // other way round, with an exchange in between (StreamLock::unlock): one of the two sees the other.
  if (__builtin_expect(!still_recordable(circuit), 0)) recorder_->run(Reason::Pointer);
}

void Stream::submit_among_queues(Circuit& circuit, IterationSpace& space) {
  if (!queue_->has_float64()) refuse_float64(circuit, *queue_);
  if (recordable_here(circuit, *queue_) && recording()) {
    recorder_->record(circuit, space);
    return note_writes(circuit);
  }
  // Where recording is paused, a kernel of the host's may have called for this and read its result at once.
  const bool watched = host_waits_ && (paused > 0 || !recordable(circuit));
  recorder_->run_alone(circuit, space);
  note_writes(circuit);
  if (watched) queue_->wait_for_device();
}

void Stream::wait_for_device() { queue_->wait_for_device(); }

void Stream::run(Reason reason) {
  if (!recorder_->idle()) recorder_->run(reason);
}

void Stream::flush(Reason reason) {
  if (!recorder_->idle()) recorder_->flush(reason);
}

void Stream::run_if_written(const Block& block, Reason reason) {
  guard_pin(block);
  if (is_mentioned(block)) recorder_->run_if_written(block, reason);
  throw_if_poisoned(block);
}

void Stream::run_if_used(const Block& block, Reason reason) {
  guard_pin(block);
  if (is_mentioned(block)) recorder_->run(reason);
  throw_if_poisoned(block);
}

void Stream::synchronize() {
  flush(Reason::Synchronize);
  queue_->synchronize();
}

Block* Stream::allocate(size_t bytes) {
  constexpr size_t kLarge = 1 << 20;   // worth a look at what recorded ops keep alive
  if (bytes >= kLarge && queue_->dead_bytes.load(std::memory_order_relaxed)) recorder_->reclaim();
  try {
    return allocate_block(*queue_, bytes);
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::OutOfMemory) throw;
  }
  run(Reason::Memory);   // what only recorded ops need is free after this
  return allocate_block(*queue_, bytes);
}

}  // namespace hologram
