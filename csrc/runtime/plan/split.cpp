// Reductions of long rows in two stages.
//
// Few kept elements with long rows would leave all threads but one idle (and most lanes, where lanes run across kept
// elements). Stage one folds the outermost row dimension in chunks and stores the raw accumulators; stage two combines
// them and finishes. The chunks follow from sizes and the kind of backend alone, so the tree of the sum is the same on every
// machine.
#include <algorithm>

#include "runtime/plan/dims.h"
#include "runtime/plan/plan.h"

namespace hologram {
namespace {

constexpr int64_t kRowMinLength = 32 << 10;     // elements of a row along which lanes run
constexpr int64_t kColumnMinRow = 64, kColumnMinChunk = 32;

/// Which folds are split, and how finely: what is work enough for all threads is not split.
struct Limits {
  int64_t max_chunks;
  int64_t row_min_chunk, row_whole, row_max_kept;   // lanes along the row; chunks are multiples of `row_whole` elements
  int64_t column_min_elements, column_max_kept;     // lanes across kept elements
  int64_t column_items;                             // kept elements times chunks to aim at
};
constexpr Limits kHost = {64, 16 << 10, 1, 63, 64 << 10, 511, 4096};
// A GPU has some hundred multiprocessors, each of which wants several blocks. A block takes a chunk of a row (512 threads, four
// times four elements of each per round: codegen/gpu_rows.py) or 128 kept elements of a chunk. Below the least numbers of
// elements a second launch costs more than it saves.
constexpr Limits kGrid = {1024, 8 << 10, 2048, 511, 512 << 10, 64 << 10, 128 << 10};

const Limits& limits_of(const Backend& backend) { return backend.name() == cpu_backend().name() ? kHost : kGrid; }

struct Scratch {
  Block* block = nullptr;
  ~Scratch() {
    if (block) block->release();
  }
};

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Length of a chunk of the outermost row dimension, or 0: one stage will do.
int64_t chunk_length(const Limits& limits, const Circuit& c, Schedule schedule) {
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
  return chunk < outer ? chunk : 0;
}

/// The node that closes the circuit, if the circuit is elementwise nodes and then one reduction, whose further arguments are
/// values that stage two can have as well. Stage one stores what else is an output.
const Node* closing_reduction(const Circuit& c) {
  for (int i = 0; i + 1 < c.num_nodes; ++i) {
    const OpFacts& facts = op_facts(c.nodes[i].op);
    if (facts.kind != OpKind::Elementwise || facts.ordered) return nullptr;
  }
  const Node& node = c.nodes[c.num_nodes - 1];
  const OpFacts& facts = op_facts(node.op);
  if (facts.kind != OpKind::Reduction) return nullptr;
  for (int i = facts.arity; i < node.nargs; ++i)
    if (node.args[i] < kOperandRef) return nullptr;
  return &node;
}

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

/// Stage two: kept dimensions as they are, one row dimension over the chunks, the components as inputs.
void build_merge(Circuit& merge, const Circuit& c, const Node& node, int64_t chunks, Block* const* components) {
  const OpFacts& facts = op_facts(node.op);
  const int kept = kept_rank(c);
  merge.rank = static_cast<uint8_t>(kept + 1);
  merge.row_rank = 1;
  std::copy_n(c.sizes, kept, merge.sizes);
  merge.sizes[kept] = chunks;
  Ref args[kMaxArgs];
  int nargs = 0;
  for (int n = 0; n < facts.num_components; ++n) {
    const DType type = component_type(node, n);
    const Ref ref = merge.add_operand(components[n], components[n]->data, type);
    int64_t step = static_cast<int64_t>(item_size(type));
    for (int d = kept - 1; d >= 0; step *= c.sizes[d--]) merge.strides(ref)[d] = step;
    merge.strides(ref)[kept] = step;
    args[nargs++] = ref;
  }
  for (int i = facts.arity; i < node.nargs; ++i) {
    const Ref arg = node.args[i];
    if (arg < kScalarRef) {
      args[nargs++] = add_kept(merge, c.operands[arg - kOperandRef], kept);
    } else {
      merge.scalars[merge.num_scalars] = c.scalars[arg - kScalarRef];
      args[nargs++] = static_cast<Ref>(kScalarRef + merge.num_scalars++);
    }
  }
  const Ref first = merge.add_node(node.op, node.compute, node.result, args, static_cast<size_t>(nargs));
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    if (!folded(c, o, facts)) continue;
    const Ref ref = add_kept(merge, o, kept);
    merge.operands[ref - kOperandRef].output = true;
    merge.operands[ref - kOperandRef].source = static_cast<Ref>(first + o.source - (c.num_values - facts.results));
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

/// Stage one: dimension 0 numbers the chunks of the outermost row dimension.
void build_chunks(Circuit& c, const Node& node, Schedule schedule, int64_t chunk, int64_t chunks, Block* const* components) {
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
    int64_t* strides = c.strides(c.add_output(components[n], components[n]->data, type, source));
    int64_t step = static_cast<int64_t>(item_size(type));
    for (int d = kept - 1; d >= 0; step *= c.sizes[d--]) strides[d] = step;
  }
}

}  // namespace

bool run_split(Backend& backend, Circuit& c, Schedule schedule, Observer* observer) {
  const int64_t chunk = chunk_length(limits_of(backend), c, schedule);
  if (!chunk || c.rank == kMaxRank) return false;
  const Node* node = closing_reduction(c);
  if (!node) return false;
  const OpFacts& facts = op_facts(node->op);
  if (c.num_operands + facts.num_components > kMaxOperands || node->nargs - facts.arity + facts.num_components > kMaxArgs)
    return false;

  if (observer && observer->splits()) return true;
  const int64_t row = row_count(c), whole = c.sizes[kept_rank(c)], chunks = divide_up(whole, chunk);
  Scratch scratch[kMaxComponents];
  Block* components[kMaxComponents];
  for (int n = 0; n < facts.num_components; ++n) {
    const auto bytes = static_cast<size_t>(kept_count(c) * chunks) * item_size(component_type(*node, n));
    components[n] = scratch[n].block = allocate_block(backend, bytes);
  }
  Circuit merge;
  build_merge(merge, c, *node, chunks, components);
  build_chunks(c, *node, schedule, chunk, chunks, components);
  execute(backend, c, {schedule, kSplit, 2, {chunk, whole}}, observer);
  run_rows(backend, merge, {Schedule::Row, kMerge, 1, {row, 0}}, observer);
  if (observer)
    for (Scratch& s : scratch)
      if (s.block) {
        observer->keep(s.block);
        s.block = nullptr;
      }
  return true;
}

}  // namespace hologram
