// Reductions of long rows in two launches.
//
// Few kept elements with long rows would leave all threads but one idle (and most lanes, where lanes run across kept
// elements). The first launch folds the outermost row dimension in chunks and stores the raw accumulators; the second combines
// them and finishes.
#include "runtime/plan/split.h"

#include <algorithm>

#include "runtime/ir/dims.h"

namespace hologram {
namespace {

/// Is the operand an output of the closing reduction?
bool folded(const Circuit& c, const Operand& o, const OpFacts& facts) {
  return o.output && o.source >= c.num_values - facts.results;
}

DType component_type(const Node& node, int n) {
  const DType type = op_facts(node.op).components[n];
  if (type != kComputeType) return type;
  return node.compute == DType::F16 || node.compute == DType::BF16 ? DType::F32 : node.compute;   // never 16 bits inside
}

/// Adds `like` to `c` with its first `kept` strides and stride 0 along the row.
Ref add_kept(Circuit& c, const Operand& like, int kept) {
  const Ref ref = c.add_operand(like.block, like.data, like.dtype);
  std::copy_n(like.strides, kept, c.strides(ref));
  return ref;
}

/// The second launch: kept dimensions as they are, one row dimension over the chunks, the components as inputs.
void build_combine(Circuit& combine, const Circuit& c, const Node& node, int64_t chunks) {
  const OpFacts& facts = op_facts(node.op);
  const int kept = kept_rank(c);
  combine.rank = static_cast<uint8_t>(kept + 1);
  combine.row_rank = 1;
  std::copy_n(c.sizes, kept, combine.sizes);
  combine.sizes[kept] = chunks;
  Ref args[kMaxArgs];
  int nargs = 0;
  for (int n = 0; n < facts.num_components; ++n) {
    const DType type = component_type(node, n);
    const Ref ref = combine.add_operand(nullptr, nullptr, type);
    int64_t step = static_cast<int64_t>(item_size(type));
    for (int d = kept - 1; d >= 0; step *= c.sizes[d--]) combine.strides(ref)[d] = step;
    combine.strides(ref)[kept] = step;
    args[nargs++] = ref;
  }
  for (int i = facts.arity; i < node.nargs; ++i) {
    const Ref arg = node.args[i];
    if (arg < kScalarRef) {
      args[nargs++] = add_kept(combine, c.operands[arg - kOperandRef], kept);
    } else {
      combine.scalars[combine.num_scalars] = c.scalars[arg - kScalarRef];
      args[nargs++] = static_cast<Ref>(kScalarRef + combine.num_scalars++);
    }
  }
  const Ref first = combine.add_node(node.op, node.compute, node.result, args, static_cast<size_t>(nargs));
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    if (!folded(c, o, facts)) continue;
    const Ref ref = add_kept(combine, o, kept);
    combine.operands[ref - kOperandRef].output = true;
    combine.operands[ref - kOperandRef].source = static_cast<Ref>(first + o.source - (c.num_values - facts.results));
  }
}

/// Drops the outputs of the closing reduction; node arguments follow the operands to their new numbers.
void remove_folded(Circuit& c, const OpFacts& facts) {
  Ref renamed[kMaxOperands];
  int left = 0;
  for (int i = 0; i < c.num_operands; ++i) {
    renamed[i] = static_cast<Ref>(kOperandRef + left);
    if (folded(c, c.operands[i], facts)) continue;
    if (left != i) c.operands[left] = c.operands[i];
    ++left;
  }
  c.num_operands = static_cast<uint8_t>(left);
  for (int n = 0; n < c.num_nodes; ++n)
    for (int a = 0; a < c.nodes[n].nargs; ++a) {
      Ref& arg = c.nodes[n].args[a];
      if (arg >= kOperandRef && arg < kScalarRef) arg = renamed[arg - kOperandRef];
    }
}

/// The first launch: dimension 0 numbers the chunks of the outermost row dimension.
void build_chunks(Circuit& c, const Node& node, Schedule schedule, int64_t chunk, int64_t chunks) {
  const OpFacts& facts = op_facts(node.op);
  remove_folded(c, facts);
  if (schedule == Schedule::Row && kept_count(c) == 1) remove_dim(c, 0);
  insert_dim(c, 0, false);
  const int kept = kept_rank(c);
  for (int i = 0; i < c.num_operands; ++i) c.operands[i].strides[0] = c.operands[i].strides[kept] * chunk;
  c.sizes[0] = chunks;
  c.sizes[kept] = chunk;
  for (int n = 0; n < facts.num_components; ++n) {
    const DType type = component_type(node, n);
    const auto source = static_cast<Ref>(c.num_values - facts.results + n);
    int64_t* strides = c.strides(c.add_output(nullptr, nullptr, type, source));
    int64_t step = static_cast<int64_t>(item_size(type));
    for (int d = kept - 1; d >= 0; step *= c.sizes[d--]) strides[d] = step;
  }
}

}  // namespace

void plan_split(const IterationSpace& space, Plan& plan) {
  Circuit& c = *plan.circuit;
  const Node& node = c.nodes[c.num_nodes - 1];
  const int64_t row = row_count(c), whole = c.sizes[kept_rank(c)], chunks = (whole + space.chunk - 1) / space.chunk;
  plan.num_partials = op_facts(node.op).num_components;
  for (int n = 0; n < plan.num_partials; ++n)
    plan.partial_bytes[n] = static_cast<size_t>(kept_count(c) * chunks) * item_size(component_type(node, n));
  build_combine(plan.combine, c, node, chunks);
  build_chunks(c, node, space.schedule, space.chunk, chunks);
  plan.num_launches = 2;
  plan_launch(c, {space.schedule, kSplit, 2, {space.chunk, whole}}, plan.launches[0]);
  const Schedule schedule = collapse_fold(plan.combine);
  plan_launch(plan.combine, {schedule, kMerge, 1, {row, 0}}, plan.launches[1]);
}

}  // namespace hologram
