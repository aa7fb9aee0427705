#include "runtime/trace/trace_graph.h"

#include <algorithm>
#include <atomic>

#include "runtime/base/config.h"
#include "runtime/memory/guard.h"
#include "runtime/ir/dims.h"
#include "runtime/kernels/launch_log.h"
#include "runtime/trace/fusion_rules.h"
#include "runtime/trace/merge.h"

namespace hologram {

void FusionGroup::reset() {
  circuit.clear();   // its space is that of the first op
  ops = 0;
  bytes = 0;
  caller = 0;
}

BlockState& TraceGraph::entry_of(Block* block) {
  if (BlockState* known = find(block)) return *known;
  entries_.emplace_back().block = block;
  block->entry.store(static_cast<uint32_t>(entries_.size()), std::memory_order_relaxed);
  block->retain();
  return entries_.back();
}

int TraceGraph::new_group() {
  if (num_groups_ == static_cast<int>(groups_.size())) groups_.push_back(std::make_unique<FusionGroup>());
  groups_[num_groups_]->reset();
  return num_groups_++;
}

bool TraceGraph::touches(const Circuit& c) const {
  for (int i = 0; i < c.num_operands; ++i) {
    const BlockState* e = c.operands[i].block ? find(c.operands[i].block) : nullptr;
    if (e && (c.operands[i].output || e->writer >= 0)) return true;
  }
  return false;
}

// ---- joining ----

namespace {

/// Has the operand an element of its own for every point of the op's space?
bool covers(const Circuit& c, const Operand& o) {
  for (int d = 0; d < c.rank; ++d)
    if (o.strides[d] == 0) return false;
  return c.rank > 0;
}

bool repeats_first_op(const Circuit& group, const Circuit& op) {
  return group.num_nodes >= kLongGroup && op.num_nodes && group.nodes[0].op == op.nodes[0].op &&
         group.nodes[0].compute == op.nodes[0].compute && group.nodes[0].nargs == op.nodes[0].nargs;
}

}  // namespace

/// What the op's operands are in the group; false where one does not fit.
bool TraceGraph::match_operands(const FusionGroup& group, int g, const Circuit& op, const int8_t* from, Use* uses) {
  const Circuit& c = group.circuit;
  for (int i = 0; i < op.num_operands; ++i) {
    const Operand& o = op.operands[i];
    uses[i] = {kNoRef, false};
    const BlockState* e = find(o.block);
    if (e && e->writer == g) {
      const Operand& written = c.operands[e->written];
      if (!same_access(c, written, o, from)) return false;
      uses[i].ref = o.output ? static_cast<Ref>(kOperandRef + e->written) : written.source;
      uses[i].supersedes = o.output;
    } else {
      if (e && e->reader == g && o.output && !(e->read >= 0 && same_access(c, c.operands[e->read], o, from))) return false;
      if (!keeps_fixed_merges(c, o, from, group.space.fixed_merge)) return false;
    }
  }
  return true;
}

bool TraceGraph::join(int g, Circuit& op, IterationSpace& space) {
  FusionGroup& group = *groups_[g];
  Circuit& c = group.circuit;
  IterationSpace& s = group.space;
  bool kept_only;
  if (repeats_first_op(c, op) || !can_follow(c, s, op, space, kept_only)) return false;

  int8_t from[kMaxRank];
  if (kept_only) kept_dims(c, s.row, from);
  else full_dims(c, from);
  Use uses[kMaxOperands];
  if (!match_operands(group, g, op, from, uses)) return false;
  if (space.folds && !s.folds) s = space;
  append(g, op, space, from, uses);
  return true;
}

void TraceGraph::append(int g, const Circuit& op, const IterationSpace& space, const int8_t* from, const Use* uses) {
  FusionGroup& group = *groups_[g];
  Circuit& c = group.circuit;
  if (launches_have_callers()) group.caller = calling_op();
  group.space.ordered |= space.ordered;
  group.space.gathers |= space.gathers;
  group.space.changed |= group.ops > 0;
  Ref renamed[kMaxOperands];
  for (int i = 0; i < op.num_operands; ++i) {
    const Operand& o = op.operands[i];
    group.bytes += operand_bytes(op, o);
    if (o.output) continue;
    if (uses[i].ref != kNoRef) {
      renamed[i] = uses[i].ref;
      continue;
    }
    BlockState& e = entry_of(o.block);
    if (e.reader == g && e.read >= 0 && same_access(c, c.operands[e.read], o, from)) {   // one load serves both
      renamed[i] = static_cast<Ref>(kOperandRef + e.read);
      continue;
    }
    const int n = append_operand(c, o, from);
    renamed[i] = static_cast<Ref>(kOperandRef + n);
    if (e.writer >= 0 && e.reader != g) ++e.needed;
    if (e.reader < g) {
      e.reader = static_cast<int16_t>(g);
      e.read = static_cast<int16_t>(n);
    } else if (e.reader == g) {
      e.read = -1;
    }
  }
  const Renaming ref_of = append_nodes(c, op, renamed);
  for (int i = 0; i < op.num_operands; ++i) {
    const Operand& o = op.operands[i];
    if (!o.output) continue;
    if (uses[i].supersedes) {
      c.operands[uses[i].ref - kOperandRef].source = ref_of(o.source);
      continue;
    }
    BlockState& e = entry_of(o.block);
    const int n = append_operand(c, o, from);
    c.operands[n].source = ref_of(o.source);
    e.note_writer();
    e.writer = static_cast<int16_t>(g);
    e.written = static_cast<int16_t>(n);
    if (__builtin_expect(config().guard, 0)) guard_hide(*o.block);
  }
  ++group.ops;
  ++num_ops_;
}

/// Each op takes four bits of the digest away from the oldest ones.
static uint64_t with_op(uint64_t tail, const Circuit& op, int64_t elements) {
  const uint64_t what = op.num_nodes ? static_cast<uint64_t>(op.nodes[0].op) << 8 | static_cast<uint64_t>(op.nodes[0].compute) : ~uint64_t{0};
  return (tail << 4) * 0x9E3779B97F4A7C15u + ((what ^ static_cast<uint64_t>(elements) << 24) * 0xD6E8FEB86659FD93u >> 32);
}

void TraceGraph::add(Circuit& op, IterationSpace& space) {
  tail_ = with_op(tail_, op, space.full);
  int earliest = -1, sources = -1;   // -2: the inputs come from several groups
  for (int i = 0; i < op.num_operands; ++i) {
    const BlockState* e = find(op.operands[i].block);
    if (!e) continue;
    earliest = std::max<int>(earliest, e->writer);
    if (op.operands[i].output) earliest = std::max<int>(earliest, e->reader);
    else if (e->writer >= 0 && sources != e->writer) sources = sources == -1 ? e->writer : -2;
  }
  if (!space.unfusable) {
    if (sources == -2) GroupMerger(*this).merge_sources(op, earliest);
    if (earliest >= 0 && join(earliest, op, space)) return;
    // A group that reads what this op reads: one load may serve both. What is broadcast costs little to read twice: tensors that
    // share a weight or a learning rate stay apart, so that their circuits are alike, and one launch.
    int tried = earliest;
    for (int i = 0; i < op.num_operands; ++i) {
      if (!covers(op, op.operands[i])) continue;
      const BlockState* e = find(op.operands[i].block);
      if (!e || op.operands[i].output || e->reader <= earliest || e->reader == tried) continue;
      tried = e->reader;
      if (join(tried, op, space)) return;
    }
  }
  const int g = new_group();
  FusionGroup& group = *groups_[g];
  Circuit& c = group.circuit;
  c.rank = op.rank;
  c.row_rank = op.row_rank;
  std::copy_n(op.sizes, op.rank, c.sizes);
  group.space = space;
  int8_t from[kMaxRank];
  full_dims(c, from);
  Use uses[kMaxOperands];
  std::fill_n(uses, op.num_operands, Use{kNoRef, false});
  append(g, op, space, from, uses);
}

// ---- giving up memory ----

int64_t TraceGraph::release_dead_values(std::vector<Block*>& released) {
  int64_t held = 0;
  for (BlockState& e : entries_) {
    if (!e.block || e.block->refs.load(std::memory_order_acquire) != 1) continue;
    if (e.needed || e.several() || e.reader >= 0 || e.writer < 0) {
      held += static_cast<int64_t>(e.block->capacity);
      continue;
    }
    Operand& o = groups_[e.writer]->circuit.operands[e.written];
    o.block = nullptr;      // the value stays, for those that use it
    o.source = kNoRef;
    e.block->entry.store(idle_entry(*e.block), std::memory_order_relaxed);
    released.push_back(e.block);
    e.block = nullptr;
  }
  return held;
}

void TraceGraph::unprotect_writes() {
  if (!config().guard) return;
  for (const BlockState& e : entries_)
    if (e.block && e.writer >= 0) guard_reveal(*e.block);
}

void TraceGraph::clear(std::vector<Block*>& released, const std::vector<std::shared_ptr<Failure>>& failures) {
  for (BlockState& e : entries_) {
    if (!e.block) continue;
    e.block->entry.store(idle_entry(*e.block), std::memory_order_relaxed);
    released.push_back(e.block);
  }
  if (__builtin_expect(!failures.empty(), 0))
    for (const BlockState& e : entries_) {
      const bool known = e.block && e.block->refs.load(std::memory_order_acquire) != 1;
      if (e.lost >= 0 && known) poison(*e.block, failures[static_cast<size_t>(e.lost)]);
    }
  entries_.clear();
  parts_.clear();
  num_groups_ = num_ops_ = 0;
}

/// The last stage that writes what `o`, an output, writes again.
int16_t TraceGraph::written_before(BlockState& e, const Circuit& c, const Operand& o) {
  if (!e.several()) return e.stored;
  const Footprint place = footprint(c, o);
  if (e.parts == BlockState::kUnknown) {
    e.parts = static_cast<int16_t>(parts_.size());
    parts_.push_back({place, e.stored});
    return e.stored;
  }
  DisjointWrites& parts = parts_[e.parts];
  if (!parts.places.apart(place)) parts = {place, e.stored};
  else parts.places.add(place);
  return parts.base;
}

int TraceGraph::stage_of(int g) {
  const Circuit& c = groups_[g]->circuit;
  int16_t stage = 0;
  for (int i = 0; i < c.num_operands; ++i) {
    BlockState* e = find(c.operands[i].block);
    const int16_t last = c.operands[i].output ? std::max(written_before(*e, c, c.operands[i]), e->loaded) : e->stored;
    stage = std::max<int16_t>(stage, static_cast<int16_t>(last + 1));
  }
  for (int i = 0; i < c.num_operands; ++i) {
    BlockState* e = find(c.operands[i].block);
    int16_t& mine = c.operands[i].output ? e->stored : e->loaded;
    mine = std::max(mine, stage);
  }
  return stage;
}

// ---- failures ----

int TraceGraph::lost_input(int g) const {
  const Circuit& c = groups_[g]->circuit;
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    if (o.output || !o.block) continue;
    if (const int lost = find(o.block)->lost; lost >= 0) return lost;
  }
  return -1;
}

void TraceGraph::restore_outputs(int g) {
  const Circuit& c = groups_[g]->circuit;
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    if (!o.output || !o.block) continue;
    if (BlockState* e = find(o.block); e->lost >= 0 && covers_block(c, i)) e->lost = -1;
  }
}

void TraceGraph::lose_all(int failure) {
  for (BlockState& e : entries_)
    if (e.writer >= 0) e.lost = static_cast<int16_t>(failure);
}

// ---- dead values ----

namespace {

std::atomic<bool> unread_kept{false};

bool is_read(const Circuit& c, Ref value) {
  return std::any_of(c.nodes, c.nodes + c.num_nodes, [&](const Node& node) {
    return std::find(node.args, node.args + node.nargs, value) != node.args + node.nargs;
  });
}

}  // namespace

void keep_unread_results(bool on) { unread_kept.store(on, std::memory_order_relaxed); }
bool unread_results_kept() { return __builtin_expect(unread_kept.load(std::memory_order_relaxed), 0); }

bool TraceGraph::prune(int g) {
  Circuit& c = groups_[g]->circuit;
  bool all = true, any = false;
  for (int i = 0; i < c.num_operands; ++i) {
    Operand& o = c.operands[i];
    if (!o.output) continue;
    if (o.source != kNoRef) {
      const BlockState* e = find(o.block);
      const bool dead = !e->needed && o.block->refs.load(std::memory_order_acquire) == 1;
      if (dead && !(unread_results_kept() && !is_read(c, o.source))) o.source = kNoRef;
    }
    if (o.source == kNoRef) all = false;
    else any = true;
  }
  if (!any) return false;
  if (!all) {
    remove_unused(c);
    groups_[g]->space.changed = true;
  }
  return true;
}

}  // namespace hologram
