// Reshaping an iteration space without changing what it means: drop, permute and merge dimensions in place.
#pragma once

#include "runtime/ir/circuit.h"

namespace hologram {

inline int kept_rank(const Circuit& c) { return c.rank - c.row_rank; }

/// Product of the sizes of dimensions [first, last).
inline int64_t count(const Circuit& c, int first, int last) {
  int64_t n = 1;
  for (int d = first; d < last; ++d) n *= c.sizes[d];
  return n;
}
inline int64_t kept_count(const Circuit& c) { return count(c, 0, kept_rank(c)); }
inline int64_t row_count(const Circuit& c) { return count(c, kept_rank(c), c.rank); }

/// Bytes of the elements that an operand of a circuit stands for; a broadcast element counts once.
inline int64_t operand_bytes(const Circuit& c, const Operand& o) {
  auto bytes = static_cast<int64_t>(item_size(o.dtype));
  for (int d = 0; d < c.rank; ++d)
    if (o.strides[d]) bytes *= c.sizes[d];
  return bytes;
}

/// Are neighbours along the dimension neighbours in memory?
inline bool contiguous(const Operand& o, int dim) { return o.strides[dim] == static_cast<int64_t>(item_size(o.dtype)); }

/// Where the elements of a strided range lie: moves `low` and `high`, which are those of its first element, to those of its lowest and
/// highest. False where a number does not fit. No size is 0.
inline bool extend_reach(const int64_t* sizes, const int64_t* strides, int rank, int64_t& low, int64_t& high) {
  bool fits = true;
  for (int d = 0; d < rank; ++d) {
    int64_t extent;
    fits &= !__builtin_mul_overflow(sizes[d] - 1, strides[d], &extent);
    int64_t& reach = extent < 0 ? low : high;
    fits &= !__builtin_add_overflow(reach, extent, &reach);
  }
  return fits;
}

/// Removes dimension `d`; every coordinate along it is 0 from now on.
void remove_dim(Circuit& c, int d);
/// Inserts a dimension of size 1 before dimension `d`, with stride 0 everywhere. The rank must be below kMaxRank.
void insert_dim(Circuit& c, int d, bool row);
/// Removes the dimensions of size 1 in [first, first + n). Returns how many of the n are left.
int drop_unit_dims(Circuit& c, int first, int n);
/// Moves dimension `from` to place `to`; those between shift.
void move_dim(Circuit& c, int from, int to);
/// The operands in the order in which their strides decide about dimensions.
struct Priority {
  uint8_t operand[kMaxOperands + 1];
  int count = 0;
  void add(int i) { operand[count++] = static_cast<uint8_t>(i); }
  void add_all(const Circuit& c, bool outputs, int except = -1) {
    for (int i = 0; i < c.num_operands; ++i)
      if (c.operands[i].output == outputs && i != except) add(i);
  }
};

/// Orders the n dimensions from `first` on by falling strides: those of the first operand of `priority` decide, where they
/// are equal or 0 those of the second, and so on.
void sort_dims(Circuit& c, int first, int n, const Priority& priority);
/// Does every operand walk dimensions `outer` and `outer + 1` as if they were one?
bool mergeable(const Circuit& c, int outer);
/// Merges neighbours among the n dimensions from `first` on that every operand walks through as if they were one.
/// Returns how many are left. Row-major numbers of elements do not change.
int merge_dims(Circuit& c, int first, int n);

/// Does a node's result depend on the numbers of elements (in the whole space, or in the row)?
bool order_matters(const Circuit& circuit, bool in_rows);
/// The operand whose strides decide how a row is walked: the first input that varies along it, else the first output.
int main_operand(const Circuit& circuit);
/// Orders the dimensions of a map by the strides of its outputs, then of its inputs.
void sort_map_dims(Circuit& circuit);

/// Removes the outputs without a source, the nodes that no output needs, and what only those nodes read. References follow.
void remove_unused(Circuit& c);

}  // namespace hologram
