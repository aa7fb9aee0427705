#include "runtime/trace/merge.h"

#include <algorithm>

#include "runtime/trace/fusion_rules.h"

namespace hologram {
namespace {

/// The first operand that reads the block; -1: there is none.
int input_on(const Circuit& c, const Block* block) {
  for (int i = 0; i < c.num_operands; ++i)
    if (c.operands[i].block == block && !c.operands[i].output) return i;
  return -1;
}

/// Is operand i the only one that reads its block?
bool only_input(const Circuit& c, int i) {
  for (int k = 0; k < c.num_operands; ++k)
    if (k != i && c.operands[k].block == c.operands[i].block && !c.operands[k].output) return false;
  return true;
}

}  // namespace

void GroupMerger::merge_sources(const Circuit& op, int into) {
  for (int i = 0; i < op.num_operands; ++i) {
    if (op.operands[i].output) continue;
    const BlockState* e = graph_.find(op.operands[i].block);
    if (e && e->writer >= 0 && e->writer < into) merge(e->writer, into);
  }
}

/// Does no group between `first` and `second` depend on `first`? Says no where the entries do not tell.
bool GroupMerger::feeds_only(int first, int second) const {
  const Circuit& c = graph_.groups_[first]->circuit;
  const Circuit& next = graph_.groups_[second]->circuit;
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    if (!o.block) continue;
    const BlockState& e = graph_.entries_[o.block->entry.load(std::memory_order_relaxed) - 1];
    if (o.output) {
      if (e.several() || e.writer != first || e.needed > 1 || (e.needed && input_on(next, o.block) < 0)) return false;
    } else if (e.writer > first && (e.several() || e.writer != second)) {
      return false;
    }
  }
  return true;
}

bool GroupMerger::merge(int first, int second) {
  FusionGroup &a = *graph_.groups_[first], &b = *graph_.groups_[second];
  Circuit &ca = a.circuit, &cb = b.circuit;
  IterationSpace &sa = a.space, &sb = b.space;
  bool kept_only;
  if (!feeds_only(first, second) || !can_follow(ca, sa, cb, sb, kept_only)) return false;

  int8_t from[kMaxRank];
  if (kept_only) kept_dims(ca, sa.row, from);
  else full_dims(ca, from);
  const int own = ca.num_operands;
  // The first group's operand in the place of the second one's; -1: there is none. Of a block that it reads and then writes
  // this is the output: what was written is never read from memory again, so that outputs come after inputs.
  int16_t mine[kMaxOperands];
  for (int i = 0; i < cb.num_operands; ++i) {
    const Operand& o = cb.operands[i];
    mine[i] = -1;
    if (!keeps_fixed_merges(ca, o, from, sa.fixed_merge)) return false;
    for (int k = 0; o.block && k < own; ++k) {
      if (ca.operands[k].block != o.block) continue;
      if (same_access(ca, ca.operands[k], o, from)) mine[i] = static_cast<int16_t>(k);
      else if (o.output || ca.operands[k].output) return false;
    }
  }

  // From here on everything fits.
  for (int i = 0; i < own; ++i) {
    if (!ca.operands[i].block) continue;
    BlockState& e = *graph_.find(ca.operands[i].block);
    if (e.writer == first) e.writer = static_cast<int16_t>(second);
    if (ca.operands[i].output || e.reader < 0 || e.reader >= second) continue;
    // The last reader is this group now, even where one in between was: a group that writes the block comes after it.
    if (e.reader != first) e.read = static_cast<int16_t>(only_input(ca, i) ? i : -1);
    e.reader = static_cast<int16_t>(second);
  }
  Ref renamed[kMaxOperands];
  for (int i = 0; i < cb.num_operands; ++i) {
    const Operand& o = cb.operands[i];
    if (o.output || !o.block) continue;
    BlockState& e = *graph_.find(o.block);
    if (mine[i] >= 0 && ca.operands[mine[i]].output) {
      renamed[i] = ca.operands[mine[i]].source;
      e.needed = 0;
      if (e.reader == second) e.reader = e.read = -1;
      continue;
    }
    const int n = mine[i] >= 0 ? mine[i] : append_operand(ca, o, from);
    if (mine[i] >= 0 && e.writer >= 0 && e.writer < first) --e.needed;   // both groups were counted
    renamed[i] = static_cast<Ref>(kOperandRef + n);
    if (e.reader == second) e.read = static_cast<int16_t>(e.read == i && input_on(ca, o.block) == n ? n : -1);
  }
  const Renaming ref_of = append_nodes(ca, cb, renamed);
  for (int i = 0; i < cb.num_operands; ++i) {
    const Operand& o = cb.operands[i];
    if (!o.output) continue;
    const int n = append_operand(ca, o, from);
    ca.operands[n].source = o.source == kNoRef ? kNoRef : ref_of(o.source);
    if (o.block) graph_.find(o.block)->written = static_cast<int16_t>(n);
  }
  if (sb.folds && !sa.folds) sa = sb;
  sa.changed = true;
  sa.ordered |= sb.ordered;
  sa.gathers |= sb.gathers;
  a.ops = static_cast<uint16_t>(a.ops + b.ops);
  a.caller = std::max(a.caller, b.caller);
  a.bytes += b.bytes;
  b.reset();
  std::swap(graph_.groups_[first], graph_.groups_[second]);
  return true;
}

}  // namespace hologram
