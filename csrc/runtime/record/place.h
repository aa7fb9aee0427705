// Where operands of ops and groups over one space lie, and what happens to their numbers when one circuit follows another.
#pragma once

#include <algorithm>

#include "runtime/record/form.h"

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
inline bool same_place(const Circuit& group, const Operand& mine, const Operand& other, const int8_t* from) {
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

/// Would every operand of the group walk what the fold glues as one dimension?
inline bool walks_glued(const Circuit& group, const Form& f, const Form& fold) {
  if (fold.glue & ~f.glue)
    for (int i = 0; i < group.num_operands; ++i)
      if (!glued(group.sizes, group.operands[i].strides, fold.glue)) return false;
  return true;
}

/// May a fold in two stages follow the group in its kernel? Its parts become operands, and a dimension of their own.
inline bool may_split(const Circuit& group, const Circuit& fold) {
  return group.num_operands + fold.num_operands + kMaxComponents <= kMaxOperands && group.rank <= kMaxRank - 2;
}

/// Is there room for both in one circuit?
inline bool fit_together(const Circuit& a, const Circuit& b) {
  return a.num_nodes + b.num_nodes <= kMaxNodes && a.num_operands + b.num_operands <= kMaxOperands &&
         a.num_scalars + b.num_scalars <= kMaxScalars && a.num_values + b.num_values <= kOperandRef;
}

}  // namespace hologram
