#include "runtime/ir/dims.h"

#include <algorithm>
#include <cstdlib>

namespace hologram {
void remove_dim(Circuit& c, int d) {
  if (d >= kept_rank(c)) --c.row_rank;
  --c.rank;
  std::copy(c.sizes + d + 1, c.sizes + c.rank + 1, c.sizes + d);
  for (int i = 0; i < c.num_operands; ++i) {
    int64_t* s = c.operands[i].strides;
    std::copy(s + d + 1, s + c.rank + 1, s + d);
  }
}

void insert_dim(Circuit& c, int d, bool row) {
  std::copy_backward(c.sizes + d, c.sizes + c.rank, c.sizes + c.rank + 1);
  c.sizes[d] = 1;
  for (int i = 0; i < c.num_operands; ++i) {
    int64_t* s = c.operands[i].strides;
    std::copy_backward(s + d, s + c.rank, s + c.rank + 1);
    s[d] = 0;
  }
  ++c.rank;
  if (row) ++c.row_rank;
}

int drop_unit_dims(Circuit& c, int first, int n) {
  for (int d = first + n - 1; d >= first; --d) {
    if (c.sizes[d] != 1) continue;
    remove_dim(c, d);
    --n;
  }
  return n;
}

void move_dim(Circuit& c, int from, int to) {
  const auto turn = [=](int64_t* v) {
    if (from < to) std::rotate(v + from, v + from + 1, v + to + 1);
    else std::rotate(v + to, v + from, v + from + 1);
  };
  turn(c.sizes);
  for (int i = 0; i < c.num_operands; ++i) turn(c.operands[i].strides);
}

namespace {

/// < 0: dimension a belongs outside of b; > 0: inside; 0: nothing decides.
int compare(const Circuit& c, int a, int b, const Priority& priority) {
  for (int i = 0; i < priority.count; ++i) {
    const int64_t* s = c.operands[priority.operand[i]].strides;
    const int64_t x = std::abs(s[a]), y = std::abs(s[b]);
    if (x && y && x != y) return x > y ? -1 : 1;
  }
  return 0;
}

}  // namespace

bool mergeable(const Circuit& c, int outer) {
  const int inner = outer + 1;
  for (int i = 0; i < c.num_operands; ++i) {
    const int64_t* s = c.operands[i].strides;
    if (s[outer] != s[inner] * c.sizes[inner]) return false;
  }
  return true;
}

void sort_dims(Circuit& c, int first, int n, const Priority& priority) {
  // Insertion: undecided neighbours are stepped over, so that they do not hide a decided pair behind them.
  for (int d = first + 1; d < first + n; ++d) {
    int place = d;
    for (int other = d - 1; other >= first; --other) {
      const int order = compare(c, other, d, priority);
      if (order < 0) break;
      if (order > 0) place = other;
    }
    if (place != d) move_dim(c, d, place);
  }
}

int merge_dims(Circuit& c, int first, int n) {
  for (int d = first + n - 2; d >= first; --d) {
    if (!mergeable(c, d)) continue;
    c.sizes[d + 1] *= c.sizes[d];
    remove_dim(c, d);
    --n;
  }
  return n;
}

bool order_matters(const Circuit& c, bool in_rows) {
  for (int i = 0; i < c.num_nodes; ++i) {
    const OpFacts& facts = op_facts(c.nodes[i].op);
    if (facts.ordered && (in_rows || facts.kind == OpKind::Elementwise)) return true;
  }
  return false;
}

int main_operand(const Circuit& c) {
  for (const bool output : {false, true})
    for (int i = 0; i < c.num_operands; ++i) {
      const Operand& o = c.operands[i];
      if (o.output != output) continue;
      for (int d = kept_rank(c); d < c.rank; ++d)
        if (o.strides[d] != 0 && c.sizes[d] != 1) return i;
    }
  return 0;
}

void sort_map_dims(Circuit& c) {
  Priority priority;
  priority.add_all(c, true);
  priority.add_all(c, false);
  sort_dims(c, 0, c.rank, priority);
}

void remove_unused(Circuit& c) {
  bool node[kMaxNodes] = {}, operand[kMaxOperands] = {}, scalar[kMaxScalars] = {};
  uint8_t producer[kOperandRef];      // value -> node
  for (int n = 0, value = 0; n < c.num_nodes; ++n)
    for (int r = op_results(c.nodes[n].op); r > 0; --r) producer[value++] = static_cast<uint8_t>(n);
  const auto need = [&](Ref ref) {
    if (ref < kOperandRef) node[producer[ref]] = true;
    else if (ref < kScalarRef) operand[ref - kOperandRef] = true;
    else scalar[ref - kScalarRef] = true;
  };
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    if (!o.output || o.source == kNoRef) continue;
    operand[i] = true;
    need(o.source);
  }
  for (int n = c.num_nodes - 1; n >= 0; --n)
    if (node[n])
      for (int a = 0; a < c.nodes[n].nargs; ++a) need(c.nodes[n].args[a]);

  Ref operands[kMaxOperands], scalars[kMaxScalars], values[kOperandRef];
  int left = 0;
  for (int i = 0; i < c.num_operands; ++i) {
    operands[i] = static_cast<Ref>(kOperandRef + left);
    if (!operand[i]) continue;
    if (left != i) c.operands[left] = c.operands[i];
    ++left;
  }
  c.num_operands = static_cast<uint8_t>(left);
  left = 0;
  for (int i = 0; i < c.num_scalars; ++i) {
    scalars[i] = static_cast<Ref>(kScalarRef + left);
    if (scalar[i]) c.scalars[left++] = c.scalars[i];
  }
  c.num_scalars = static_cast<uint8_t>(left);
  const auto renamed = [&](Ref ref) {
    if (ref < kOperandRef) return values[ref];
    return ref < kScalarRef ? operands[ref - kOperandRef] : scalars[ref - kScalarRef];
  };
  left = 0;
  int before = 0, after = 0;
  for (int n = 0; n < c.num_nodes; ++n) {
    const int results = op_results(c.nodes[n].op);
    for (int r = 0; r < results; ++r) values[before++] = static_cast<Ref>(after + r);
    if (!node[n]) continue;
    after += results;
    if (left != n) c.nodes[left] = c.nodes[n];
    Node& kept = c.nodes[left++];
    for (int a = 0; a < kept.nargs; ++a) kept.args[a] = renamed(kept.args[a]);
  }
  c.num_nodes = static_cast<uint8_t>(left);
  c.num_values = static_cast<uint8_t>(after);
  for (int i = 0; i < c.num_operands; ++i)
    if (c.operands[i].output) c.operands[i].source = renamed(c.operands[i].source);
}

}  // namespace hologram
