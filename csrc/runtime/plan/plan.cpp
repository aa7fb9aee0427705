#include "runtime/plan/plan.h"

#include <algorithm>

#include "runtime/ir/dims.h"
#include "runtime/ir/key.h"
#include "runtime/plan/split.h"

namespace hologram {
namespace {

// ---- tiles ----

constexpr int64_t kTileMinSide = 8, kShortSide = 16, kTileMinElements = 8192;   // smaller transposes stay in the L1 cache

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

/// Where an operand runs across the others: brings its dimension beside the innermost one.
bool arrange_tiles(Circuit& c, bool ordered) {
  const int inner = c.rank - 1;
  if (c.rank < 2 || c.sizes[inner] < kShortSide || count(c, 0, c.rank) < kTileMinElements) return false;
  const int crossing = crossing_dim(c);
  if (crossing < 0 || (ordered && crossing != inner - 1)) return false;
  if (crossing != inner - 1) {
    move_dim(c, crossing, inner - 1);
    merge_dims(c, 0, inner - 1);
  }
  return true;
}

// ---- short innermost dimensions ----

constexpr int64_t kTinySide = 4, kShortMinElements = 512, kPiece = 2048;

/// The dimension along which the elements of an input lie closest, where they lie further apart along the innermost one or that one
/// is tiny; -1 without.
int closest_dim(const Circuit& c) {
  const int inner = c.rank - 1;
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    const bool across = o.strides[inner] && !contiguous(o, inner);
    if (o.output || !(across || c.sizes[inner] <= kTinySide)) continue;
    int closest = -1;
    int64_t least = across ? std::abs(o.strides[inner]) : INT64_MAX;
    for (int d = 0; d < inner; ++d) {
      const int64_t stride = std::abs(o.strides[d]);
      if (c.sizes[d] >= kTileMinSide && stride && stride < least) closest = d, least = stride;
    }
    if (closest >= 0) return closest;
  }
  return -1;
}

/// Where the innermost dimension holds less than a vector (the channels of an image) and an input runs across it, or a few elements
/// only, which a vector is not worth, the input's next dimension becomes that of the loops. Results then lie apart, and each step of the short dimension comes back to the
/// same lines: the long one is cut into pieces whose lines are still in the cache.
void arrange_short(Circuit& c, bool ordered) {
  int inner = c.rank - 1;
  if (ordered || c.rank < 2 || c.rank == kMaxRank || c.sizes[inner] >= kShortSide || count(c, 0, c.rank) < kShortMinElements)
    return;
  const int closest = closest_dim(c);
  if (closest < 0) return;
  move_dim(c, closest, inner);
  merge_dims(c, 0, c.rank);
  inner = c.rank - 1;
  int64_t piece = c.sizes[inner];
  for (const int factor : {2, 3, 5, 7})
    while (piece > kPiece && piece % factor == 0) piece /= factor;
  if (inner == 0 || piece > kPiece || piece == c.sizes[inner]) return;
  insert_dim(c, inner - 1, false);
  c.sizes[inner - 1] = c.sizes[inner + 1] / piece;
  c.sizes[inner + 1] = piece;
  for (int i = 0; i < c.num_operands; ++i) {
    int64_t* strides = c.operands[i].strides;
    strides[inner - 1] = strides[inner + 1] * piece;
  }
}

// ---- a launch ----

/// Scalars, sizes, strides, extras: in the order of KernelArgs.
int64_t* fill_args(const Circuit& c, const KernelVariant& variant, int64_t* p) {
  for (int i = 0; i < c.num_scalars; ++i) *p++ = c.scalars[i].value.i;
  if (c.rank == 1) {   // most launches
    *p++ = c.sizes[0];
    for (int i = 0; i < c.num_operands; ++i) *p++ = c.operands[i].strides[0];
  } else {
    p = std::copy_n(c.sizes, c.rank, p);
    for (int i = 0; i < c.num_operands; ++i) p = std::copy_n(c.operands[i].strides, c.rank, p);
  }
  for (int i = 0; i < variant.num_extra; ++i) *p++ = variant.extra[i];
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

/// Where the results of a fold are dead, what was fused before it is left: that is one launch.
bool ends_in_reduction(const Circuit& c) { return op_facts(c.nodes[c.num_nodes - 1].op).kind == OpKind::Reduction; }

}  // namespace

int kernel_arguments(const Circuit& c, const KernelVariant& variant, void** operands, int64_t* args) {
  for (int i = 0; i < c.num_operands; ++i) operands[i] = c.operands[i].data;
  return static_cast<int>(fill_args(c, variant, args) - args);
}

void plan_launch(const Circuit& c, const KernelVariant& variant, KernelLaunch& launch) {
  const int lane_dim = (variant.schedule == Schedule::Column ? kept_rank(c) : c.rank) - 1;
  build_key(c, variant.schedule, variant.flags, lane_dim, launch.key);
  launch.variant = variant;
  launch.work = work_of(c, variant.schedule);
}

Plan plan(Circuit& c, const IterationSpace& space) {
  Plan plan;
  plan.circuit = &c;
  if (space.chunk && ends_in_reduction(c)) {
    plan_split(space, plan);
    return plan;
  }
  KernelVariant variant;
  if (space.folds) variant.schedule = space.schedule;
  else if (arrange_tiles(c, space.ordered)) variant.schedule = Schedule::Tile;
  else arrange_short(c, space.ordered);
  plan.num_launches = 1;
  plan_launch(c, variant, plan.launches[0]);
  return plan;
}

void Plan::place_partials(Block* const* blocks) {
  for (int n = 0; n < num_partials; ++n)
    for (Operand* o : {&circuit->operands[circuit->num_operands - num_partials + n], &combine.operands[n]}) {
      o->block = blocks[n];
      o->data = blocks[n]->data;
    }
}

}  // namespace hologram
