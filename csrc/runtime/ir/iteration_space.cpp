#include "runtime/ir/iteration_space.h"

#include <algorithm>
#include <cstdlib>

#include "runtime/base/error.h"
#include "runtime/ir/dims.h"

namespace hologram {
namespace {

uint32_t bit(int d) { return 1u << d; }

/// A mask after dimension d became two: what stood behind it moves up, its own bit stands for both.
uint32_t spread(uint32_t mask, int d) {
  const uint32_t low = mask & (bit(d + 1) - 1);
  return low | (mask & ~(bit(d) - 1)) << 1;
}

/// Dimension d becomes an outer one and an inner one of `inner` elements.
void cut(Circuit& c, IterationSpace& s, int d, int64_t inner) {
  const auto open = [&](int64_t* v) { std::copy_backward(v + d, v + c.rank, v + c.rank + 1); };
  open(c.sizes);
  c.sizes[d] /= inner;
  c.sizes[d + 1] = inner;
  for (int i = 0; i < c.num_operands; ++i) {
    int64_t* strides = c.operands[i].strides;
    open(strides);
    strides[d] = strides[d + 1] * inner;
  }
  if (s.folds) {
    open(s.pattern);
    s.pattern[d] = s.pattern[d + 1] * inner;
  }
  if (s.row & bit(d)) {
    const uint32_t fixed_merge = s.fixed_merge;   // that of d to what followed it is the inner half's now
    s.fixed_merge = (fixed_merge & (bit(d) - 1)) | bit(d) | (fixed_merge & ~(bit(d) - 1)) << 1;
  } else {
    s.fixed_merge = spread(s.fixed_merge, d);
  }
  s.row = spread(s.row, d);
  ++c.rank;
  s.changed = true;
}

// ---- canonical form ----

bool reads_memory(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i)
    if (!c.operands[i].output) return true;
  return false;
}

bool canonicalize_map(Circuit& c, IterationSpace& s) {
  // What makes tensors from nothing (random numbers, sequences) does so once: no fold reads it in the same kernel.
  s.unfusable = s.ordered && !reads_memory(c);
  if (c.rank == 1 && c.sizes[0] > 1) {   // most ops
    s.full = s.kept = c.sizes[0];
    return true;
  }
  s.full = s.kept = count(c, 0, c.rank);
  if (s.full == 0) return false;
  drop_unit_dims(c, 0, c.rank);
  if (c.rank > 1) {
    if (!s.ordered) sort_map_dims(c);
    merge_dims(c, 0, c.rank);
  }
  return true;
}

/// An empty row is one dimension of size 0: what it looked like does not matter.
void empty_row(Circuit& c) {
  while (c.row_rank > 1) remove_dim(c, kept_rank(c));
  c.sizes[c.rank - 1] = 0;
  // Kernels read what does not vary along the row before they walk it: an input without memory must not look so.
  for (int i = 0; i < c.num_operands; ++i) {
    Operand& o = c.operands[i];
    if (!o.output && !o.data) o.strides[c.rank - 1] = static_cast<int64_t>(item_size(o.dtype));
  }
}

bool scans(const Circuit& c) {
  for (int n = 0; n < c.num_nodes; ++n)
    if (op_facts(c.nodes[n].op).kind == OpKind::Scan) return true;
  return false;
}

/// The row of a circuit all of whose row dimensions have size 1. A scan has results all along its row, however short it is.
void unit_row(Circuit& c, const bool* varies) {
  const bool all = scans(c);
  insert_dim(c, c.rank, true);
  for (int i = 0; i < c.num_operands; ++i)
    if (all || varies[i]) c.operands[i].strides[c.rank - 1] = static_cast<int64_t>(item_size(c.operands[i].dtype));
}

void collapse_row(Circuit& c, const Priority& priority, bool ordered) {
  if (row_count(c) == 0) return empty_row(c);
  bool varies[kMaxOperands];
  for (int i = 0; i < c.num_operands; ++i) {
    varies[i] = false;
    for (int d = kept_rank(c); d < c.rank; ++d) varies[i] |= c.operands[i].strides[d] != 0;
  }
  const int n = drop_unit_dims(c, kept_rank(c), c.row_rank);
  if (n == 0) return unit_row(c, varies);
  if (!ordered) sort_dims(c, kept_rank(c), n, priority);
  merge_dims(c, kept_rank(c), n);
}

void collapse_kept(Circuit& c, const Priority& priority, bool ordered) {
  const int n = drop_unit_dims(c, 0, kept_rank(c));
  if (n == 0) return insert_dim(c, 0, false);
  if (!ordered) sort_dims(c, 0, n, priority);
  merge_dims(c, 0, n);
}

Schedule collapse_fold(Circuit& c, int main, bool ordered) {
  Priority priority;
  priority.add(main);
  priority.add_all(c, true, main);
  priority.add_all(c, false, main);
  collapse_kept(c, priority, ordered);
  collapse_row(c, priority, order_matters(c, /*in_rows=*/true));
  return fold_schedule(c, c.operands[main]);
}

bool canonicalize_fold(Circuit& c, IterationSpace& s, const SplitLimits& limits) {
  s.kept = kept_count(c);
  if (s.kept == 0) return false;
  s.full = s.kept * row_count(c);
  for (int i = 0; i < c.num_nodes; ++i) s.gathers |= op_facts(c.nodes[i].op).gathers;
  if (c.row_rank == kMaxRank)
    fail(Error::Kind::Value, "hologram.run: a row of ", kMaxRank, " dimensions leaves no room for a kept one. Reshape the input.");
  s.main = main_operand(c);
  s.schedule = collapse_fold(c, s.main, s.ordered);
  s.chunk = split_chunk(c, s.schedule, limits);
  return true;
}

}  // namespace

Schedule collapse_fold(Circuit& c) { return collapse_fold(c, main_operand(c), order_matters(c, /*in_rows=*/false)); }

bool canonicalize(Circuit& c, IterationSpace& s, const SplitLimits& limits) {
  s.folds = c.row_rank > 0;
  s.ordered = order_matters(c, /*in_rows=*/false);
  return s.folds ? canonicalize_fold(c, s, limits) : canonicalize_map(c, s);
}

// ---- interleaving ----

namespace {

/// Kept and row dimensions by the falling strides of the pattern, none of which is 0.
void order_by_pattern(Circuit& c, IterationSpace& s) {
  int order[kMaxRank];
  for (int d = 0; d < c.rank; ++d) {   // by insertion: few dimensions, no memory, and equal strides keep their order
    int place = d;
    for (; place > 0 && std::abs(s.pattern[order[place - 1]]) < std::abs(s.pattern[d]); --place) order[place] = order[place - 1];
    order[place] = d;
  }
  const int first_row = kept_rank(c);
  const auto permute = [&](int64_t* v) {
    int64_t old[kMaxRank];
    std::copy_n(v, c.rank, old);
    for (int d = 0; d < c.rank; ++d) v[d] = old[order[d]];
  };
  for (int d = 0; d < c.rank; ++d)
    if (order[d] >= first_row) s.row |= bit(d);
  permute(c.sizes);
  permute(s.pattern);
  for (int i = 0; i < c.num_operands; ++i) permute(c.operands[i].strides);
}

/// Rows without elements still have results; of one element, or with results all along them, they are not what other ops fold.
bool stands_alone(const Circuit& c, const IterationSpace& s) {
  const Operand& main = c.operands[s.main];
  if (s.full == 0 || row_count(c) == 1 || scans(c) || !main.block || c.rank > kMaxRank - 2) return true;
  for (int d = 0; d < c.rank; ++d)
    if (c.sizes[d] > 1 && main.strides[d] == 0) return true;
  return s.ordered || (c.row_rank > 1 && order_matters(c, /*in_rows=*/true));
}

}  // namespace

void interleave(Circuit& c, IterationSpace& s) {
  if (!s.folds) return;
  s.unfusable = stands_alone(c, s);
  if (s.unfusable) return;
  if (kept_rank(c) == 1) drop_unit_dims(c, 0, 1);   // it stood for none
  std::copy_n(c.operands[s.main].strides, c.rank, s.pattern);
  s.pattern_type = c.operands[s.main].dtype;
  order_by_pattern(c, s);
  c.row_rank = 0;
}

bool walks_as_one(const int64_t* sizes, const int64_t* strides, uint32_t fixed_merge) {
  for (; fixed_merge; fixed_merge &= fixed_merge - 1) {
    const int d = __builtin_ctz(fixed_merge);
    if (strides[d] != strides[d + 1] * sizes[d + 1]) return false;
  }
  return true;
}

// ---- alignment ----

namespace {

/// The dimensions of `c` that take part, outermost first.
int taking_part(const Circuit& c, const IterationSpace& s, bool kept_only, int* dims) {
  int n = 0;
  for (int d = 0; d < c.rank; ++d)
    if (!kept_only || !(s.row >> d & 1)) dims[n++] = d;
  return n;
}

}  // namespace

bool align(Circuit& a, IterationSpace& sa, Circuit& b, IterationSpace& sb, bool kept_only) {
  int dims_a[kMaxRank], dims_b[kMaxRank];
  int na = taking_part(a, sa, kept_only, dims_a), nb = taking_part(b, sb, false, dims_b);
  if (na == nb) {
    bool same = true;
    for (int i = 0; i < na; ++i) same &= a.sizes[dims_a[i]] == b.sizes[dims_b[i]];
    if (same) return true;
  }
  // From the inside out: where one dimension ends inside another, the other is cut there. First without touching anything.
  int cuts_a = 0, cuts_b = 0;
  {
    int i = na - 1, j = nb - 1;
    int64_t x = i >= 0 ? a.sizes[dims_a[i]] : 1, y = j >= 0 ? b.sizes[dims_b[j]] : 1;
    while (i >= 0 && j >= 0) {
      if (x == y) {
        --i, --j;
        x = i >= 0 ? a.sizes[dims_a[i]] : 1;
        y = j >= 0 ? b.sizes[dims_b[j]] : 1;
      } else if (x > y) {
        if (x % y) return false;
        x /= y, ++cuts_a;
        y = --j >= 0 ? b.sizes[dims_b[j]] : 1;
      } else {
        if (y % x) return false;
        y /= x, ++cuts_b;
        x = --i >= 0 ? a.sizes[dims_a[i]] : 1;
      }
    }
    if (i >= 0 || j >= 0) return false;
  }
  if (a.rank + cuts_a > kMaxRank || b.rank + cuts_b > kMaxRank) return false;
  int i = na - 1, j = nb - 1;
  while (i >= 0 && j >= 0) {
    // After a cut the outer part keeps the number of the dimension it came from.
    const int64_t x = a.sizes[dims_a[i]], y = b.sizes[dims_b[j]];
    if (x > y) cut(a, sa, dims_a[i], y), --j;
    else if (y > x) cut(b, sb, dims_b[j], x), --i;
    else --i, --j;
  }
  return true;
}

// ---- lowering ----

namespace {

/// One element is contiguous in every operand, so that no kernel of its own is needed.
void point(Circuit& c) {
  insert_dim(c, 0, false);
  for (int i = 0; i < c.num_operands; ++i) c.operands[i].strides[0] = static_cast<int64_t>(item_size(c.operands[i].dtype));
}

void lower_map(Circuit& c, const IterationSpace& s) {
  if (c.rank == 0) return point(c);
  if (c.rank == 1 || !s.changed) return;
  if (!s.ordered) sort_map_dims(c);
  merge_dims(c, 0, c.rank);
}

/// Row dimensions that were cut become one again, kept dimensions come first. They are in the order of the pattern's strides already.
void lower_fold(Circuit& c, const IterationSpace& s) {
  uint32_t row = s.row;
  for (int d = c.rank - 2; d >= 0; --d) {
    if (!(s.fixed_merge >> d & 1)) continue;
    c.sizes[d + 1] *= c.sizes[d];
    row = (row & (bit(d) - 1)) | (row >> 1 & ~(bit(d) - 1));
    remove_dim(c, d);
  }
  int kept = 0;
  for (int d = 0; d < c.rank; ++d)
    if (!(row >> d & 1)) {
      move_dim(c, d, kept);
      // Row dimensions between the old and the new place moved up by one.
      const uint32_t between = (bit(d) - 1) & ~(bit(kept) - 1);
      row = (row & ~(bit(d + 1) - 1)) | (row & (bit(kept) - 1)) | (row & between) << 1;
      ++kept;
    }
  c.row_rank = static_cast<uint8_t>(c.rank - kept);
  if (kept == 0) insert_dim(c, 0, false);
  else if (s.changed) merge_dims(c, 0, kept);
}

}  // namespace

void lower(Circuit& c, const IterationSpace& s) {
  if (!s.folds) lower_map(c, s);
  else if (c.row_rank == 0) lower_fold(c, s);   // it is interleaved
}

}  // namespace hologram
