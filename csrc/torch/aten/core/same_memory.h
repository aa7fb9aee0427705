// Ops that work on host memory by themselves (products, copies of rows) ask first whether all of it is the host's.
#pragma once

#include "runtime/memory/block.h"
#include "torch/aten/core/common.h"
#include "torch/device/errors.h"

namespace hologram::aten {

/// Throws where tensors of the device live on another backend than `first`, naming both. Results are made on the backend in use,
/// which need not be that of the operands: show them too.
inline void check_one_memory(const char* op, const at::Tensor& first, const at::Tensor& other) {
  if (C10_LIKELY(!several_queues()) || !is_hologram(first) || !is_hologram(other)) return;
  const Block *a = block_of(first), *b = block_of(other);
  if (a && b) with_c10_errors([&] { check_same_memory(*a->queue, *b->queue, op); });
}
template <class... More>
void check_one_memory(const char* op, const at::Tensor& first, const at::Tensor& other, const More&... more) {
  check_one_memory(op, first, other);
  check_one_memory(op, first, more...);
}

}  // namespace hologram::aten
