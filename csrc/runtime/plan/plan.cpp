// plan_circuit: collapse the iteration space, choose schedule and layouts, find the kernel, launch it.
//
// Every choice is a function of the circuit alone (structure, sizes, strides), never of threads, time or addresses: so
// results, and the sequence of kernels, repeat exactly.
#include "runtime/plan/plan.h"

#include <algorithm>

#include "runtime/error.h"
#include "runtime/key.h"
#include "runtime/plan/dims.h"
#include "runtime/stream.h"

namespace hologram {
namespace {

bool contiguous(const Operand& o, int dim) { return o.strides[dim] == static_cast<int64_t>(item_size(o.dtype)); }

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

}  // namespace

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
  sort_dims(c, 0, c.rank, priority.operand, priority.count);
}

namespace {

// ---- maps ----

constexpr int64_t kTileMinSide = 8, kTileMinElements = 8192;   // smaller transposes stay in the L1 cache

/// The dimension along which an operand is contiguous that is not along the innermost one; -1 without one.
int crossing_dim(const Circuit& c) {
  const int inner = c.rank - 1;
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    if (o.output || o.strides[inner] == 0 || contiguous(o, inner)) continue;
    for (int d = inner - 1; d >= 0; --d)
      if (contiguous(o, d) && c.sizes[d] >= kTileMinSide) return d;
  }
  return -1;
}

bool arrange_tiles(Circuit& c, bool ordered) {
  const int inner = c.rank - 1;
  if (c.rank < 2 || c.sizes[inner] < kTileMinSide || count(c, 0, c.rank) < kTileMinElements) return false;
  const int crossing = crossing_dim(c);
  if (crossing < 0 || (ordered && crossing != inner - 1)) return false;
  if (crossing != inner - 1) {
    move_dim(c, crossing, inner - 1);
    merge_dims(c, 0, inner - 1);
  }
  return true;
}

void run_map(Backend& backend, Circuit& c, Observer* observer) {
  for (int d = 0; d < c.rank; ++d)
    if (c.sizes[d] == 0) return;
  Stage stage;
  const bool ordered = c.rank > 1 && order_matters(c, false);
  drop_unit_dims(c, 0, c.rank);
  if (c.rank == 0) {
    insert_dim(c, 0, false);   // one element: contiguous in every operand, so that no kernel of its own is needed
    for (int i = 0; i < c.num_operands; ++i) c.operands[i].strides[0] = static_cast<int64_t>(item_size(c.operands[i].dtype));
  } else if (c.rank > 1) {
    if (!ordered) sort_map_dims(c);
    merge_dims(c, 0, c.rank);
    if (arrange_tiles(c, ordered)) stage.schedule = Schedule::Tile;
  }
  execute(backend, c, stage, observer);
}

// ---- rows ----

// Rows of up to this many bytes would leave most lanes of a vector empty: lanes run across such rows, if there are enough.
constexpr int64_t kShortRowBytes = 48, kShortRowMinKept = 64;

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

/// The row of a circuit all of whose row dimensions have size 1. A scan has results all along its row, however short it is.
void unit_row(Circuit& c, const bool* varies) {
  bool scans = false;
  for (int n = 0; n < c.num_nodes; ++n) scans |= op_facts(c.nodes[n].op).kind == OpKind::Scan;
  insert_dim(c, c.rank, true);
  for (int i = 0; i < c.num_operands; ++i)
    if (scans || varies[i]) c.operands[i].strides[c.rank - 1] = static_cast<int64_t>(item_size(c.operands[i].dtype));
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
  if (!ordered) sort_dims(c, kept_rank(c), n, priority.operand, priority.count);
  merge_dims(c, kept_rank(c), n);
}

void collapse_kept(Circuit& c, const Priority& priority, bool ordered) {
  const int n = drop_unit_dims(c, 0, kept_rank(c));
  if (n == 0) return insert_dim(c, 0, false);
  if (!ordered) sort_dims(c, 0, n, priority.operand, priority.count);
  merge_dims(c, 0, n);
}

Schedule row_schedule(const Circuit& c, const Operand& main) {
  const int inner_kept = kept_rank(c) - 1, inner_row = c.rank - 1;
  const int64_t kept = kept_count(c);
  if (kept > 1 && contiguous(main, inner_kept) && !contiguous(main, inner_row)) return Schedule::Column;
  const auto item = std::max<int64_t>(4, static_cast<int64_t>(item_size(main.dtype)));   // kernels compute in 4 bytes or more
  if (c.row_rank == 1 && c.sizes[inner_row] * item <= kShortRowBytes && kept >= kShortRowMinKept) return Schedule::Column;
  return Schedule::Row;
}

}  // namespace

void run_rows(Backend& backend, Circuit& c, Stage stage, Observer* observer) {
  if (kept_count(c) == 0) return;
  const int main = c.patterned ? c.num_operands : main_operand(c);
  Priority priority;
  priority.add(main);
  priority.add_all(c, true, main);
  priority.add_all(c, false, main);
  const bool ordered_elements = order_matters(c, false), ordered_row = order_matters(c, true);
  if (c.rank == kMaxRank && c.row_rank == kMaxRank)
    fail(Error::Kind::Value, "hologram.run: a row of ", kMaxRank, " dimensions leaves no room for a kept one. Reshape the input.");
  collapse_kept(c, priority, ordered_elements);
  if (!c.patterned) collapse_row(c, priority, ordered_row);
  stage.schedule = row_schedule(c, c.operands[main]);
  c.patterned = false;   // the pattern has said what it knows; operands may be added now
  if (!stage.flags && !c.whole && run_split(backend, c, stage.schedule, observer)) return;
  execute(backend, c, stage, observer);
}

bool will_split(Backend& backend, const Circuit& circuit) {
  constexpr int64_t kLeastElements = 32 << 10;   // the smallest fold that run_split takes
  if (count(circuit, 0, circuit.rank) < kLeastElements) return false;
  struct Probe final : Observer {
    bool split = false;
    void launch(const Key&, const Circuit&, const Stage&, Work) override {}
    bool splits() override { return split = true; }
  } probe;
  Circuit scratch = circuit;
  plan_circuit(backend, scratch, &probe);
  return probe.split;
}

void plan_circuit(Backend& backend, Circuit& circuit, Observer* observer) {
  if (circuit.row_rank == 0) run_map(backend, circuit, observer);
  else run_rows(backend, circuit, Stage{}, observer);
}

// ---- launching ----

namespace {

/// Scalars, sizes, strides, extras: the flat arguments of a kernel (kernel.h).
int64_t* fill_args(const Circuit& c, const Stage& stage, int64_t* p) {
  for (int i = 0; i < c.num_scalars; ++i) *p++ = c.scalars[i].value.i;
  if (c.rank == 1) {   // most launches
    *p++ = c.sizes[0];
    for (int i = 0; i < c.num_operands; ++i) *p++ = c.operands[i].strides[0];
  } else {
    p = std::copy_n(c.sizes, c.rank, p);
    for (int i = 0; i < c.num_operands; ++i) p = std::copy_n(c.operands[i].strides, c.rank, p);
  }
  for (int i = 0; i < stage.num_extra; ++i) *p++ = stage.extra[i];
  return p;
}

int64_t tiles_along(int64_t size) { return (size + kTileSize - 1) / kTileSize; }

Work work_of(const Circuit& c, Schedule schedule) {
  switch (schedule) {
    case Schedule::Map: return {count(c, 0, c.rank), 1};
    case Schedule::Tile:
      return {count(c, 0, c.rank - 2) * tiles_along(c.sizes[c.rank - 2]) * tiles_along(c.sizes[c.rank - 1]), kTileSize * kTileSize};
    default: return {kept_count(c), row_count(c)};
  }
}

}  // namespace

int kernel_arguments(const Circuit& c, const Stage& stage, void** operands, int64_t* args) {
  for (int i = 0; i < c.num_operands; ++i) operands[i] = c.operands[i].data;
  return static_cast<int>(fill_args(c, stage, args) - args);
}

namespace {

void launch_on(Backend& backend, const Kernel& kernel, const Circuit& c, const Stage& stage, Work work) {
  void* operands[kMaxOperands];
  int64_t args[kMaxKernelArgs];
  kernel_arguments(c, stage, operands, args);
  backend.launch(kernel, operands, args, work.items, work.per_item);
}

}  // namespace

void execute(Backend& backend, const Circuit& c, const Stage& stage, Observer* observer) {
  const int lane_dim = (stage.schedule == Schedule::Column ? kept_rank(c) : c.rank) - 1;
  Key key;
  build_key(c, stage.schedule, stage.flags, lane_dim, key);
  const Work work = work_of(c, stage.schedule);
  if (observer) return observer->launch(key, c, stage, work);
  launch_on(backend, *find_kernel(backend, key), c, stage, work);
}

}  // namespace hologram
