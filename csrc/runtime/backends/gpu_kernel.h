// A kernel of a GPU, and how wide its grid is.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/kernels/compiler.h"
#include "runtime/kernels/kernel_args.h"

namespace hologram {

/// A kernel that walks its items by a grid. It reads a *record* per launch: begin, end, the operands, the arguments.
struct GpuKernel : Kernel {
  int operands = 0, args = 0;
  unsigned threads = 0;             // of a block; shared memory is declared in the code
  int64_t items_per_block = 1;
  unsigned blocks_at_most = 1;

  int words() const { return 2 + operands + args; }      // of a record
  unsigned blocks_for(int64_t items) const {
    return static_cast<unsigned>(std::clamp<int64_t>((items + items_per_block - 1) / items_per_block, 1, blocks_at_most));
  }
  /// Of each of `count` launches that run as one, the longest of which has `items`. Blocks beyond a short record's end find nothing
  /// to do: the grid is as wide as the longest needs, within what pays.
  unsigned blocks_for(int64_t items, int count) const {
    return std::max(1u, std::min(blocks_for(items), std::max(8u, blocks_at_most * 4 / static_cast<unsigned>(count))));
  }
  /// Takes over what the compiler says of it. `blocks`: as many as the device runs at once, twice; kernels walk on from there.
  void describe(const Key& key, const DeviceCode& code, int blocks) {
    name_kernel(*this, key, code.name);
    operands = kernel_args(key).operands;
    args = num_kernel_args(key);
    threads = static_cast<unsigned>(code.threads);
    items_per_block = std::max<int64_t>(code.items_per_block, 1);
    blocks_at_most = static_cast<unsigned>(std::max(1, blocks));
  }
};

}  // namespace hologram
