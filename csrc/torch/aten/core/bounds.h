// Tensors that reach beyond their storage: torch lets a storage be resized under them, and its compiler makes strides of its own.
#pragma once

#include <ATen/core/Tensor.h>

namespace hologram::aten {

/// Throws where the elements of a tensor are not all in its storage. Every reader and writer outside of the stream asks here
/// (before_read and its like); a recorded op is checked against the block when it is submitted (runtime/trace/stream.cpp).
void check_storage(const at::Tensor& t);

}  // namespace hologram::aten
