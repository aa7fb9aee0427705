// How a fold walks its rows, and whether it runs in two launches.
//
// Both shape the tree in which a row is combined, and so its bits. They follow from the fold's own canonical circuit and the kind
// of device alone: never from threads, and never from the ops that are fused with it.
#pragma once

#include "runtime/ir/circuit.h"
#include "runtime/kernels/kernel.h"

namespace hologram {

/// Which folds run as two launches, and how finely they are cut: what is work enough for the whole device is not split.
struct SplitLimits {
  int64_t max_chunks;
  int64_t row_min_chunk, row_whole, row_max_kept;   // lanes along the row; chunks are multiples of `row_whole` elements
  int64_t column_min_elements, column_max_kept;     // lanes across kept elements
  int64_t column_items;                             // kept elements times chunks to aim at
};
inline constexpr SplitLimits kHostSplits = {64, 16 << 10, 1, 63, 64 << 10, 511, 4096};
// A GPU has some hundred multiprocessors, each of which wants several blocks. A block takes a chunk of a row (512 threads, four
// times four elements of each per round: codegen/gpu/rows.py) or 128 kept elements of a chunk. Below the least numbers of
// elements a second launch costs more than it saves.
inline constexpr SplitLimits kGridSplits = {1024, 8 << 10, 2048, 511, 512 << 10, 64 << 10, 128 << 10};

/// Row or Column, for a fold whose dimensions are collapsed. `main`: the operand whose strides decide how the row is walked.
Schedule fold_schedule(const Circuit& circuit, const Operand& main);

/// Into chunks of how many positions of its outermost row dimension such a fold is cut; 0: it runs in one launch.
int64_t split_chunk(const Circuit& circuit, Schedule schedule, const SplitLimits& limits);

}  // namespace hologram
