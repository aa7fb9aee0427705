// Where operands of ops and groups over one space lie, and what happens to their numbers when one circuit follows another.
#pragma once

#include <algorithm>

#include "runtime/ir/iteration_space.h"

namespace hologram {

/// Where the dimensions of a group are among those of an op: from[d], or -1 where the op does not vary.
inline void full_dims(const Circuit& group, int8_t* from) {
  for (int d = 0; d < group.rank; ++d) from[d] = static_cast<int8_t>(d);
}
inline void kept_dims(const Circuit& group, uint32_t row, int8_t* from) {
  int8_t next = 0;
  for (int d = 0; d < group.rank; ++d) from[d] = row >> d & 1 ? int8_t(-1) : next++;
}

inline int64_t stride_of(const Operand& o, int dim) { return dim < 0 ? 0 : o.strides[dim]; }

/// Do an operand of the group and one of the op mean the same bytes in the same order?
inline bool same_access(const Circuit& group, const Operand& mine, const Operand& other, const int8_t* from) {
  if (mine.data != other.data || mine.dtype != other.dtype) return false;
  for (int d = 0; d < group.rank; ++d)
    if (mine.strides[d] != stride_of(other, from[d])) return false;
  return true;
}

/// Appends an operand of an op to the group; its number there.
inline int append_operand(Circuit& group, const Operand& o, const int8_t* from) {
  const int n = group.num_operands++;
  Operand& mine = group.operands[n];
  mine.block = o.block; mine.data = o.data; mine.dtype = o.dtype; mine.output = o.output; mine.source = o.source;
  for (int d = 0; d < group.rank; ++d) mine.strides[d] = stride_of(o, from[d]);
  return n;
}

/// What the op's refs are once its nodes follow the group's. `renamed[i]`: its operand i in the group.
struct Renaming {
  int first_value, first_scalar;
  const Ref* renamed;
  Ref operator()(Ref ref) const {
    if (ref < kOperandRef) return static_cast<Ref>(ref + first_value);
    if (ref < kScalarRef) return renamed[ref - kOperandRef];
    return static_cast<Ref>(ref + first_scalar);
  }
};

/// Appends the op's nodes and scalars to the group. Its inputs must have been renamed; its outputs may come later.
inline Renaming append_nodes(Circuit& group, const Circuit& op, const Ref* renamed) {
  const Renaming names{group.num_values, group.num_scalars, renamed};
  std::copy_n(op.scalars, op.num_scalars, group.scalars + group.num_scalars);
  group.num_scalars = static_cast<uint8_t>(group.num_scalars + op.num_scalars);
  for (int i = 0; i < op.num_nodes; ++i) {
    Node& n = group.nodes[group.num_nodes++] = op.nodes[i];
    for (int a = 0; a < n.nargs; ++a) n.args[a] = names(n.args[a]);
  }
  group.num_values = static_cast<uint8_t>(group.num_values + op.num_values);
  return names;
}

/// Does the operand walk as one what the group's fold has merged for good?
inline bool keeps_fixed_merges(const Circuit& group, const Operand& o, const int8_t* from, uint32_t fixed_merge) {
  if (!fixed_merge) return true;
  int64_t strides[kMaxRank];
  for (int d = 0; d < group.rank; ++d) strides[d] = stride_of(o, from[d]);
  return walks_as_one(group.sizes, strides, fixed_merge);
}

/// Would both be walked in the same way? The planner looks at contiguity and at the width of elements.
inline bool same_pattern(const IterationSpace& x, const IterationSpace& y, int rank) {
  const auto a = static_cast<int64_t>(item_size(x.pattern_type)), b = static_cast<int64_t>(item_size(y.pattern_type));
  if (std::max<int64_t>(a, 4) != std::max<int64_t>(b, 4)) return false;
  for (int d = 0; d < rank; ++d)
    if (x.pattern[d] * b != y.pattern[d] * a) return false;
  return true;
}

inline bool writes(const Circuit& c, const Block* block) {
  for (int i = 0; i < c.num_operands; ++i)
    if (c.operands[i].output && c.operands[i].block == block) return true;
  return false;
}

/// Would the group and the op in one kernel store to a block that they also read from memory?
inline bool reads_what_it_writes(const Circuit& group, const Circuit& op) {
  for (int i = 0; i < group.num_operands; ++i) {
    const Operand& o = group.operands[i];
    if (!o.output && (writes(group, o.block) || writes(op, o.block))) return true;
  }
  for (int i = 0; i < op.num_operands; ++i) {
    const Operand& o = op.operands[i];
    if (!o.output && !writes(group, o.block) && writes(op, o.block)) return true;
  }
  return false;
}

/// May the op's nodes follow the group's in one kernel, as far as room and spaces go? Their dimensions are cut at the same
/// places on the way. `kept_only`: the op is over those of the group that are not folded.
inline bool can_follow(Circuit& group, IterationSpace& s, Circuit& op, IterationSpace& space, bool& kept_only) {
  if (s.unfusable || s.chunk || space.unfusable) return false;
  if (group.num_nodes + op.num_nodes > kMaxNodes || group.num_operands + op.num_operands > kMaxOperands ||
      group.num_scalars + op.num_scalars > kMaxScalars || group.num_values + op.num_values > kOperandRef)
    return false;
  kept_only = space.full != s.full;
  if (kept_only && (space.folds || !s.folds || space.full != s.kept)) return false;
  // The partial results of a fold in two launches become operands.
  if (space.chunk && (s.folds || group.num_operands + op.num_operands + kMaxComponents > kMaxOperands)) return false;
  // Where a row is folded elements are visited more than once, and not by their numbers.
  if ((s.ordered && space.folds) || (space.ordered && s.folds)) return false;
  if ((s.gathers || space.gathers) && reads_what_it_writes(group, op)) return false;
  if (!align(group, s, op, space, kept_only)) return false;
  // Refining spaces changes nothing; from here on nothing of the group changes before everything fits.
  if (!space.folds) return true;
  if (space.chunk && group.rank > kMaxRank - 2) return false;   // the chunks are a dimension of their own, and so may the kept ones be
  if (s.folds && (space.row != s.row || space.fixed_merge != s.fixed_merge || !same_pattern(space, s, group.rank))) return false;
  if (space.fixed_merge & ~s.fixed_merge)
    for (int i = 0; i < group.num_operands; ++i)
      if (!walks_as_one(group.sizes, group.operands[i].strides, space.fixed_merge)) return false;
  return true;
}

}  // namespace hologram
