#include "runtime/ir/fold_schedule.h"

#include <algorithm>

#include "runtime/ir/dims.h"

namespace hologram {
namespace {

// Rows of up to this many bytes would leave most lanes of a vector empty: lanes run across such rows, if there are enough.
constexpr int64_t kShortRowBytes = 48, kShortRowMinKept = 64;
constexpr int64_t kRowMinLength = 32 << 10;     // elements of a row along which lanes run
constexpr int64_t kColumnMinRow = 64, kColumnMinChunk = 32;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Elementwise nodes and then one reduction, whose further arguments are values that the second launch can have as well; and room for
/// its partial results. The first launch stores what else is an output.
bool can_split(const Circuit& c) {
  for (int i = 0; i + 1 < c.num_nodes; ++i) {
    const OpFacts& facts = op_facts(c.nodes[i].op);
    if (facts.kind != OpKind::Elementwise || facts.ordered) return false;
  }
  const Node& node = c.nodes[c.num_nodes - 1];
  const OpFacts& facts = op_facts(node.op);
  if (facts.kind != OpKind::Reduction) return false;
  for (int i = facts.arity; i < node.nargs; ++i)
    if (node.args[i] < kOperandRef) return false;
  return c.rank < kMaxRank && c.num_operands + facts.num_components <= kMaxOperands &&
         node.nargs - facts.arity + facts.num_components <= kMaxArgs;
}

}  // namespace

Schedule fold_schedule(const Circuit& c, const Operand& main) {
  const int inner_kept = kept_rank(c) - 1, inner_row = c.rank - 1;
  const int64_t kept = kept_count(c);
  if (kept > 1 && contiguous(main, inner_kept) && !contiguous(main, inner_row)) return Schedule::Column;
  const auto item = std::max<int64_t>(4, static_cast<int64_t>(item_size(main.dtype)));   // kernels compute in 4 bytes or more
  if (c.row_rank == 1 && c.sizes[inner_row] * item <= kShortRowBytes && kept >= kShortRowMinKept) return Schedule::Column;
  return Schedule::Row;
}

int64_t split_chunk(const Circuit& c, Schedule schedule, const SplitLimits& limits) {
  const int64_t kept = kept_count(c), row = row_count(c), outer = c.sizes[kept_rank(c)];
  if (row == 0) return 0;
  const int64_t inner = row / outer;
  int64_t chunk;
  if (schedule == Schedule::Row) {
    if (kept > limits.row_max_kept || row < kRowMinLength) return 0;
    chunk = divide_up(std::max(limits.row_min_chunk, divide_up(kept * row, limits.max_chunks)), inner);
    if (inner == 1) chunk = divide_up(chunk, limits.row_whole) * limits.row_whole;
  } else {
    if (kept > limits.column_max_kept || row < kColumnMinRow || kept * row < limits.column_min_elements) return 0;
    const int64_t chunks = std::clamp<int64_t>(limits.column_items / kept, 2, limits.max_chunks);
    chunk = std::max(divide_up(outer, chunks), divide_up(kColumnMinChunk, inner));
  }
  return chunk < outer && can_split(c) ? chunk : 0;
}

}  // namespace hologram
