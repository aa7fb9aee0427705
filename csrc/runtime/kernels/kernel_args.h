// Where the integers of a launch lie: its scalars, its sizes, its strides, its extras. KernelArgs in hologram_core/circuit/ir.py
// says the same to the code generator: no kernel computes what it should where the two differ.
#pragma once

#include "runtime/kernels/kernel.h"

namespace hologram {

struct KernelArgs {
  int scalars, rank, operands;
  int extras;    // of a partial launch: the chunk's length and the whole length; of a combining one: the length of the row

  constexpr int size(int dim) const { return scalars + dim; }
  constexpr int stride(int operand, int dim) const { return scalars + rank * (1 + operand) + dim; }
  constexpr int extra(int n) const { return scalars + rank * (1 + operands) + n; }
  constexpr int count() const { return extra(extras); }
};

constexpr int kMaxKernelArgs = KernelArgs{kMaxScalars, kMaxRank, kMaxOperands, 2}.count();

inline KernelArgs kernel_args(const Key& key) {
  const int flags = key.bytes[7];
  return {key.bytes[6], key.bytes[2], key.bytes[5], flags & kSplit ? 2 : flags & kMerge ? 1 : 0};
}

}  // namespace hologram
