// Which bytes of a block an operand can touch, and whether several operands keep out of each other's way: the pieces of a
// concatenation write one block, and need no order among them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/ir/circuit.h"

namespace hologram {

/// Two bounds on the bytes, counted from the start of the block; what both leave out is not touched.
///  * a range [first, end)
///  * columns [left, right) of rows that are `pitch` bytes apart; pitch 0: the operand does not lie in columns
struct Footprint {
  int64_t first, end;
  int64_t pitch, left, right;

  /// No byte in common? Says no where the bounds do not tell.
  bool apart(const Footprint& o) const {
    if (o.first >= end || o.end <= first) return true;
    return pitch && pitch == o.pitch && (o.left >= right || o.right <= left);
  }
  /// Now bounds both.
  void add(const Footprint& o) {
    first = std::min(first, o.first);
    end = std::max(end, o.end);
    if (pitch != o.pitch) pitch = 0;
    left = std::min(left, o.left);
    right = std::max(right, o.right);
  }
};

/// What an operand with a block touches.
inline Footprint footprint(const Circuit& c, const Operand& o) {
  Footprint f;
  f.first = o.data - o.block->data;
  f.end = f.first + static_cast<int64_t>(item_size(o.dtype));
  int64_t widest = 0, widest_extent = 0;
  for (int d = 0; d < c.rank; ++d) {
    const int64_t extent = (c.sizes[d] - 1) * o.strides[d];
    (extent < 0 ? f.first : f.end) += extent;
    const int64_t stride = std::abs(o.strides[d]);
    if (c.sizes[d] > 1 && stride > widest) {
      widest = stride;
      widest_extent = std::abs(extent);
    }
  }
  // Rows along the widest stride; the other dimensions must stay within one of them.
  f.pitch = widest;
  f.left = widest ? f.first % widest : 0;
  f.right = f.left + (f.end - f.first - widest_extent);
  if (f.right > widest) f.pitch = 0;
  return f;
}

/// Writes of one block that are apart from each other. All come after stage `base`, and after no other of them.
struct DisjointWrites {
  Footprint places;
  int16_t base;
};

}  // namespace hologram
