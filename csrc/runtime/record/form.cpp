#include "runtime/record/form.h"

#include <algorithm>
#include <cstdlib>

#include "runtime/plan/dims.h"
#include "runtime/plan/plan.h"

namespace hologram {
namespace {

uint32_t bit(int d) { return 1u << d; }

/// A mask after dimension d became two: what stood behind it moves up, its own bit stands for both.
uint32_t spread(uint32_t mask, int d) {
  const uint32_t low = mask & (bit(d + 1) - 1);
  return low | (mask & ~(bit(d) - 1)) << 1;
}

/// Dimension d becomes an outer one and an inner one of `inner` elements.
void cut(Circuit& c, Form& f, int d, int64_t inner) {
  const auto open = [&](int64_t* v) { std::copy_backward(v + d, v + c.rank, v + c.rank + 1); };
  open(c.sizes);
  c.sizes[d] /= inner;
  c.sizes[d + 1] = inner;
  for (int i = 0; i < c.num_operands; ++i) {
    int64_t* s = c.operands[i].strides;
    open(s);
    s[d] = s[d + 1] * inner;
  }
  if (f.folds) {
    open(f.pattern);
    f.pattern[d] = f.pattern[d + 1] * inner;
  }
  if (f.row & bit(d)) {
    const uint32_t glue = f.glue;   // that of d to what followed it is the inner half's now
    f.glue = (glue & (bit(d) - 1)) | bit(d) | (glue & ~(bit(d) - 1)) << 1;
  } else {
    f.glue = spread(f.glue, d);
  }
  f.row = spread(f.row, d);
  ++c.rank;
}

// ---- normal form ----

bool reads_memory(const Circuit& c) {
  for (int i = 0; i < c.num_operands; ++i)
    if (!c.operands[i].output) return true;
  return false;
}

bool normalise_map(Circuit& c, Form& f) {
  // What makes tensors from nothing (random numbers, sequences) does so once: nobody folds over it in the same kernel.
  f.solo = f.ordered && !reads_memory(c);
  if (c.rank == 1 && c.sizes[0] > 1) {   // most ops
    f.full = f.kept = c.sizes[0];
    return true;
  }
  f.full = f.kept = count(c, 0, c.rank);
  if (f.full == 0) return false;
  drop_unit_dims(c, 0, c.rank);
  if (c.rank > 1) {
    if (!f.ordered) sort_map_dims(c);
    merge_dims(c, 0, c.rank);
  }
  return true;
}

/// Kept and row dimensions by the falling strides of the pattern, none of which is 0.
void order_by_pattern(Circuit& c, Form& f) {
  int order[kMaxRank];
  for (int d = 0; d < c.rank; ++d) {   // by insertion: few dimensions, no memory, and equal strides keep their order
    int place = d;
    for (; place > 0 && std::abs(f.pattern[order[place - 1]]) < std::abs(f.pattern[d]); --place) order[place] = order[place - 1];
    order[place] = d;
  }
  const int first_row = kept_rank(c);
  const auto permute = [&](int64_t* v) {
    int64_t old[kMaxRank];
    std::copy_n(v, c.rank, old);
    for (int d = 0; d < c.rank; ++d) v[d] = old[order[d]];
  };
  for (int d = 0; d < c.rank; ++d)
    if (order[d] >= first_row) f.row |= bit(d);
  permute(c.sizes);
  permute(f.pattern);
  for (int i = 0; i < c.num_operands; ++i) permute(c.operands[i].strides);
}

/// Merges neighbours of one kind that every operand walks as one.
void merge_same_kind(Circuit& c, Form& f) {
  for (int d = c.rank - 2; d >= 0; --d) {
    if (((f.row >> d) ^ (f.row >> (d + 1))) & 1) continue;
    if (!mergeable(c, d)) continue;
    c.sizes[d + 1] *= c.sizes[d];
    std::copy(f.pattern + d + 1, f.pattern + c.rank, f.pattern + d);
    f.row = (f.row & (bit(d) - 1)) | (f.row >> 1 & ~(bit(d) - 1));
    remove_dim(c, d);
  }
}

void normalise_fold(Circuit& c, Form& f, bool ordered_row) {
  f.solo = true;   // until everything fits
  if (row_count(c) == 1) return;
  for (int i = 0; i < c.num_nodes; ++i)
    if (op_facts(c.nodes[i].op).kind == OpKind::Scan) return;
  const int main = main_operand(c);
  if (!c.operands[main].block || c.rank > kMaxRank - 2) return;
  for (int d = 0; d < c.rank; ++d)
    if (c.sizes[d] > 1 && c.operands[main].strides[d] == 0) return;
  if (f.ordered || (ordered_row && c.row_rank > 1)) return;
  drop_unit_dims(c, kept_rank(c), c.row_rank);
  drop_unit_dims(c, 0, kept_rank(c));
  std::copy_n(c.operands[main].strides, c.rank, f.pattern);
  f.pattern_type = c.operands[main].dtype;
  order_by_pattern(c, f);
  merge_same_kind(c, f);
  c.row_rank = 0;
  f.solo = false;
}

}  // namespace

bool glued(const int64_t* sizes, const int64_t* strides, uint32_t glue) {
  for (; glue; glue &= glue - 1) {
    const int d = __builtin_ctz(glue);
    if (strides[d] != strides[d + 1] * sizes[d + 1]) return false;
  }
  return true;
}

bool normalise(Backend& backend, Circuit& c, Form& f) {
  f.folds = c.row_rank > 0;
  f.ordered = order_matters(c, /*in_rows=*/false);
  if (!f.folds) return normalise_map(c, f);
  f.kept = kept_count(c);
  f.full = f.kept * row_count(c);
  if (f.kept == 0) return false;
  if (f.full == 0) {
    f.solo = true;   // rows without elements still have results
  } else {
    f.splits = will_split(backend, c);
    for (int i = 0; i < c.num_nodes; ++i) f.picks |= op_facts(c.nodes[i].op).picks;
    normalise_fold(c, f, order_matters(c, /*in_rows=*/true));
  }
  return true;
}

// ---- alignment ----

namespace {

/// The dimensions of `c` that take part, outermost first.
int taking_part(const Circuit& c, const Form& f, bool kept_only, int* dims) {
  int n = 0;
  for (int d = 0; d < c.rank; ++d)
    if (!kept_only || !(f.row >> d & 1)) dims[n++] = d;
  return n;
}

}  // namespace

bool align(Circuit& a, Form& fa, Circuit& b, Form& fb, bool kept_only) {
  int dims_a[kMaxRank], dims_b[kMaxRank];
  int na = taking_part(a, fa, kept_only, dims_a), nb = taking_part(b, fb, false, dims_b);
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
    if (x > y) cut(a, fa, dims_a[i], y), --j;
    else if (y > x) cut(b, fb, dims_b[j], x), --i;
    else --i, --j;
  }
  return true;
}

// ---- back to what the planner takes ----

void denormalise(Circuit& c, const Form& form) {
  if (form.solo || !form.folds) return;
  Operand& pattern = c.operands[c.num_operands];
  pattern.block = nullptr;
  pattern.data = nullptr;
  pattern.dtype = form.pattern_type;
  pattern.output = false;
  pattern.source = kNoRef;
  std::copy_n(form.pattern, c.rank, pattern.strides);
  c.patterned = true;
  c.whole = !form.splits;
  uint32_t row = form.row;
  for (int d = c.rank - 2; d >= 0; --d) {
    if (!(form.glue >> d & 1)) continue;
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
}

}  // namespace hologram
