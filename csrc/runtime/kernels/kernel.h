// Compiled kernels: their keys, their arguments, their records.
//
// Key format (bytes; hologram_core/circuit/key.py decodes it). Never sizes, strides, pointers or scalar values.
//   0 u8 version   1 u8 schedule   2 u8 rank   3 u8 row_rank   4 u8 nodes   5 u8 operands   6 u8 scalars   7 u8 flags
//   per node:    u16 op (little endian), u8 compute, u8 result, u8 nargs, u8 args[nargs]
//   per operand: u8 dtype, u8 layout (kFixed added where it does not vary along the row), u8 output (0/1), u8 source
//   per scalar:  u8 integer (0/1)
//
// Kernel arguments: `operands[n]` is each operand's base address; `args` is a flat int64 array:
//   scalars (bit patterns, num_scalars), sizes (rank), strides in bytes (num_operands x rank, row-major by operand),
//   then for a kSplit kernel two more: the chunk length and the whole length of the outermost row dimension,
//   or for a kMerge kernel one more: the number of elements of the whole row (what `finish` gets as count).
// Integer and floating scalars are 8 bytes each: int64 or double bits.
//
// The kept dimensions are never absent: a full reduction has one of size 1. Neither are a reduction's row dimensions.
// A kSplit kernel's dimension 0 (kept) numbers the chunks and its outermost row dimension has the chunk's length; the
// last chunk ends at the whole length: chunk c folds positions [c * chunk, min((c + 1) * chunk, whole)).
// `[begin, end)` counts, for
//   Map:    elements of the whole iteration space in row-major order (random access: any begin);
//   Row:    rows = elements of the kept dimensions;
//   Column: elements of the kept dimensions, lanes across the innermost kept dimension;
//   Tile:   tiles of kTileSize x kTileSize elements of the two innermost dimensions, times the outer dimensions;
//           row-major, ragged tiles at the edges.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/ir/circuit.h"

namespace hologram {

using KernelFn = void (*)(void* const* operands, const int64_t* args, int64_t begin, int64_t end);

enum class Schedule : uint8_t { Map = 0, Row = 1, Column = 2, Tile = 3 };
enum class Layout : uint8_t { Contiguous = 0, Broadcast = 1, Strided = 2 };  // along the lane dimension
constexpr uint8_t kFixed = 4;
constexpr int64_t kTileSize = 32;   // TILE_SIZE in hologram_core/codegen/cpu/loops.py
enum KeyFlags : uint8_t {
  kSplit = 1,   // partial: of a long reduction. Reduce nodes store their raw components per chunk
  kMerge = 2,   // combine: reduce nodes combine components and finish
};

struct Key {
  uint16_t size = 0;
  uint64_t hash = 0;
  uint8_t bytes[8 + kMaxNodes * (5 + kMaxArgs) + kMaxOperands * 4 + kMaxScalars + 8];   // 8: padding for the hash
};

/// The record of a compiled kernel. A backend whose kernels are more than a function derives from it.
struct Kernel {
  virtual ~Kernel() = default;

  KernelFn fn = nullptr;    // on the host; null elsewhere
  float cost = 1.0f;        // estimated nanoseconds per element on one thread; decides splitting over threads
  uint32_t grain = 1;       // ranges are cut at multiples of this (see make_kernel)
  uint64_t hash = 0;
  mutable std::atomic<uint64_t> launches{0};   // a statistic: concurrent launches may be counted once
  std::string name;
  std::string key;          // the full key: a hash is never trusted alone
};

/// A kernel for `key`, not yet in the cache: compilers return it.
Kernel* make_kernel(const Key& key, KernelFn fn, float cost, std::string name);
/// Fills in what every kernel has.
void name_kernel(Kernel& kernel, const Key& key, std::string name);

/// How many flat arguments a kernel takes, by its key.
int num_kernel_args(const Key& key);

}  // namespace hologram
