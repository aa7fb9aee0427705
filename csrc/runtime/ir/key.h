// Building keys (format: kernel.h).
#pragma once

#include "runtime/kernels/kernel.h"

namespace hologram {

constexpr uint8_t kKeyVersion = 2;

/// The layout of an operand whose stride along the lane dimension is `stride`.
inline Layout layout_of(int64_t stride, DType dtype) {
  if (stride == static_cast<int64_t>(item_size(dtype))) return Layout::Contiguous;
  return stride == 0 ? Layout::Broadcast : Layout::Strided;
}

/// The key of a circuit whose dimensions are final; lanes run along dimension `lane_dim`.
void build_key(const Circuit& circuit, Schedule schedule, uint8_t flags, int lane_dim, Key& key);

/// A key as it is written, hash included. False when it is too long.
bool key_from_bytes(const void* bytes, size_t size, Key& key);

}  // namespace hologram
